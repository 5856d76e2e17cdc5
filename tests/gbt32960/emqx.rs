//! The GB/T 32960 example under `--profile emqx`: topics and JSON of EMQX's own
//! gateway, both ways and of both editions.
use exproto_runtime::testkit::TestConn;
use serde_json::{Value as Json, json};

use super::{Message, VIN, frame, unhex as hex};

/// `18051f0c0000` and so on.
fn time(second: u8) -> Json {
    json!({"Year": 24, "Month": 5, "Day": 31, "Hour": 12, "Minute": 0, "Second": second})
}

/// 1 June 2024, 0:00:07 in China.
const CLOCK: i64 = 1_717_171_207_000;

fn login(lead: &str) -> Vec<u8> {
    let mut data = hex("18051f0c0000 0001");
    data.extend(b"89860000000000000001");
    match lead {
        "##" => data.extend(b"\x02\x03ABCDEF"),
        _ => data.extend([&[3, 1, 0, 2][..], &[b'A'; 24], &[b'B'; 24], &[b'C'; 24]].concat()),
    }
    data
}

fn logged_in(lead: &str) -> TestConn<Message> {
    let mut conn = TestConn::<Message>::with_profile("emqx");
    conn.set_clock(CLOCK);
    conn.send(&frame(lead, 1, 0xFE, &login(lead)));
    assert_eq!(conn.client_id(), VIN);
    assert_eq!(conn.subscriptions(), [(format!("gbt32960/{VIN}/dnstream"), 1)]);
    conn.take_sent();
    conn
}

/// The last part of the topic and the `Data` of what a frame becomes.
fn up(lead: &str, command: u8, answer: u8, data: &[u8]) -> (String, Json) {
    let mut conn = logged_in(lead);
    conn.send(&frame(lead, command, answer, data));
    let [.., publish] = conn.publishes() else { panic!("nothing published") };
    assert_eq!(conn.publishes().len(), 2, "{:?}", conn.take_reports());
    let suffix = publish.topic.strip_prefix(&format!("gbt32960/{VIN}/upstream/")).unwrap().to_owned();
    let json = publish.json();
    assert_eq!(publish.qos, 1);
    assert_eq!((&json["Cmd"], &json["Encrypt"], &json["Vin"]), (&json!(command), &json!(1), &json!(VIN)));
    (suffix, json["Data"].clone())
}

/// What the blocks of a report become.
fn infos(lead: &str, blocks: &str) -> Json {
    let (topic, data) = up(lead, 2, 0xFE, &hex(&["18051f0c0001", blocks].concat()));
    assert_eq!((topic.as_str(), &data["Time"]), ("info", &time(1)));
    data["Infos"].clone()
}

#[test]
fn logins_and_logouts_have_the_json_of_emqx() {
    let json = logged_in("##").publishes()[0].json();
    let data = json!({
        "Time": time(0), "Seq": 1, "ICCID": "89860000000000000001", "Num": 2, "Length": 3, "Id": "ABCDEF",
    });
    assert_eq!(json, json!({"Cmd": 1, "Encrypt": 1, "Vin": VIN, "Data": data}));

    let mut conn = logged_in("$$");
    let packs = json!([["A".repeat(24)], [], ["B".repeat(24), "C".repeat(24)]]);
    let data = json!({
        "Time": time(0), "Seq": 1, "ICCID": "89860000000000000001", "BmsNum": 3,
        "BatteryPackCounts": [1, 0, 2], "BatteryPackEncodings": packs,
    });
    assert_eq!(conn.publishes()[0].topic, format!("gbt32960/{VIN}/upstream/vlogin"));
    assert_eq!(conn.publishes()[0].json()["Data"], data);
    conn.send(&frame("$$", 7, 0xFE, &[]));
    assert_eq!((conn.publishes().len(), conn.sent_kinds().len()), (1, 1), "a heartbeat is only answered");

    let data = json!({"Time": time(3), "Seq": 1});
    assert_eq!(up("##", 4, 0xFE, &hex("18051f0c0003 0001")), ("vlogout".into(), data.clone()));
    assert_eq!(up("##", 6, 0xFE, &hex("18051f0c0003 0001")), ("plogout".into(), data));
}

#[test]
fn reports_of_2016_have_the_json_of_emqx() {
    let expected = [
        (
            "01 01 03 fe 0226 ffffffff 0f0a 2710 55 01 1e fffe 0a 65",
            json!({
                "Type": "Vehicle", "Status": 1, "Charging": 3, "Mode": 254, "Speed": 550, "Mileage": 0xFFFF_FFFF_u32,
                "Voltage": 3850, "Current": 10_000, "SOC": 85, "DC": 1, "Gear": 30, "Resistance": 0xFFFE,
                "AcceleratorPedal": 10, "BrakePedal": 101,
            }),
        ),
        (
            "02 01 01 02 7d 7530 61a8 7d 753c 79e3",
            json!({
                "Type": "DriveMotor", "Number": 1, "Motors": [{
                    "No": 1, "Status": 2, "CtrlTemp": 125, "Rotating": 30_000, "Torque": 25_000, "MotorTemp": 125,
                    "InputVoltage": 30_012, "DCBusCurrent": 31_203,
                }],
            }),
        ),
        (
            "03 2710 2ee0 afc8 0002 7879 30d4 0a 88b8 0b 01f4 0c 01",
            json!({
                "Type": "FuelCell", "CellVoltage": 10_000, "CellCurrent": 12_000, "FuelConsumption": 45_000,
                "ProbeNum": 2, "ProbeTemps": [120, 121], "H_MaxTemp": 12_500, "H_TempProbeCode": 10,
                "H_MaxConc": 35_000, "H_ConcSensorCode": 11, "H_MaxPress": 500, "H_PressSensorCode": 12, "DCStatus": 1,
            }),
        ),
        (
            "04 01 07d0 00c8",
            json!({
                "Type": "Engine", "Status": 1, "CrankshaftSpeed": 2000, "FuelConsumption": 200,
            }),
        ),
        (
            "05 06 06f0a1c0 02612b40",
            json!({
                "Type": "Location", "Status": 6, "Longitude": 116_433_344, "Latitude": 39_922_496,
            }),
        ),
        (
            "06 0c 0a 1d4c 0d 0b 07d0 0e 0c 78 0f 0d 28",
            json!({
                "Type": "Extreme", "MaxVoltageBatterySubsysNo": 12, "MaxVoltageBatteryCode": 10,
                "MaxBatteryVoltage": 7500, "MinVoltageBatterySubsysNo": 13, "MinVoltageBatteryCode": 11,
                "MinBatteryVoltage": 2000, "MaxTempSubsysNo": 14, "MaxTempProbeNo": 12, "MaxTemp": 120,
                "MinTempSubsysNo": 15, "MinTempProbeNo": 13, "MinTemp": 40,
            }),
        ),
        (
            "07 01 00000003 01 000000c8 00 01 0001006f 00",
            json!({
                "Type": "Alarm", "MaxAlarmLevel": 1, "GeneralAlarmFlag": 3, "FaultChargeableDeviceNum": 1,
                "FaultChargeableDeviceList": ["00C8"], "FaultDriveMotorNum": 0, "FaultDriveMotorList": [],
                "FaultEngineNum": 1, "FaultEngineList": ["1006F"], "FaultOthersNum": 0, "FaultOthersList": [],
            }),
        ),
        (
            "08 01 01 1388 2710 0002 0001 01 1388",
            json!({
                "Type": "ChargeableVoltage", "Number": 1, "SubSystems": [{
                    "ChargeableSubsysNo": 1, "ChargeableVoltage": 5000, "ChargeableCurrent": 10_000, "CellsTotal": 2,
                    "FrameCellsIndex": 1, "FrameCellsCount": 1, "CellsVoltage": [5000],
                }],
            }),
        ),
        (
            "09 01 01 0002 13 88",
            json!({
                "Type": "ChargeableTemp", "Number": 1,
                "SubSystems": [{"ChargeableSubsysNo": 1, "ProbeNum": 2, "ProbesTemp": [19, 136]}],
            }),
        ),
    ];
    compare("##", &expected);
}

#[test]
fn reports_of_2025_have_the_json_of_emqx() {
    let expected = [
        (
            "01 01 03 01 0226 00000064 0f0a 7530 55 01 1e 0100",
            json!({
                "Type": "Vehicle", "Status": 1, "Charging": 3, "Mode": 1, "Speed": 550, "Mileage": 100,
                "Voltage": 3850, "Current": 30_000, "SOC": 85, "DC": 1, "Gear": 30, "Resistance": 256,
            }),
        ),
        (
            "02 01 01 02 32 7d00 00030d40 33",
            json!({
                "Type": "DriveMotor", "Number": 1, "Motors": [{
                    "No": 1, "Status": 2, "CtrlTemp": 50, "Rotating": 32_000, "Torque": 200_000, "MotorTemp": 51,
                }],
            }),
        ),
        (
            "03 01f4 01 0064 02 0001 03 01 50 46",
            json!({
                "Type": "FuelCell", "H_MaxTemp": 500, "H_TempProbeCode": 1, "H_MaxConc": 100, "H_ConcSensorCode": 2,
                "H_MaxPress": 1, "H_PressSensorCode": 3, "DCStatus": 1, "RemainingH2": 80, "DCDCTemp": 70,
            }),
        ),
        ("04 0bb8", json!({"Type": "Engine", "CrankshaftSpeed": 3000})),
        (
            "05 00 01 06f0a1c0 02612b40",
            json!({
                "Type": "Location", "Status": 0, "CoordinateSystem": 1, "Longitude": 116_433_344,
                "Latitude": 39_922_496,
            }),
        ),
        (
            "06 01 00000001 01 00000007 00 00 00 01 0502",
            json!({
                "Type": "Alarm", "MaxAlarmLevel": 1, "GeneralAlarmFlag": 1, "FaultChargeableDeviceNum": 1,
                "FaultChargeableDeviceList": ["00000007"], "FaultDriveMotorNum": 0, "FaultDriveMotorList": [],
                "FaultEngineNum": 0, "FaultEngineList": [], "FaultOthersNum": 0, "FaultOthersList": [],
                "FaultGeneralNum": 1, "FaultGeneralList": [{"No": 5, "Level": 2}],
            }),
        ),
        (
            "07 01 01 0bb8 03e8 0002 04b0 04b1",
            json!({
                "Type": "MinVoltageOfPowerBattery", "Number": 1, "SubSystems": [{
                    "BatteryPackNo": 1, "BatteryPackVoltage": 3000, "BatteryPackCurrent": 1000,
                    "MinParallelUnitTotal": 2, "MinParallelUnitVoltage": [1200, 1201],
                }],
            }),
        ),
        (
            "08 01 01 0002 41 ff",
            json!({
                "Type": "TempOfPowerBattery", "Number": 1,
                "SubSystems": [{"BatteryPackNo": 1, "ProbeNum": 2, "ProbesTemp": [65, 255]}],
            }),
        ),
        (
            "30 01 01 0f0a 0064 03e8 07d0 32 0001 33",
            json!({
                "Type": "FuelCellStack", "Number": 1, "Stacks": [{
                    "FuelCellStackNo": 1, "Voltage": 3850, "Current": 100, "H2InletPressure": 1000,
                    "AirInletPressure": 2000, "AirInletTemp": 50, "StackProbeNum": 1, "StackProbeTemp": [51],
                }],
            }),
        ),
        (
            "31 01 0f0a 7530 0001 0ce4 0001 41",
            json!({
                "Type": "SuperCapacitor", "ManagerSysNo": 1, "TotalVoltage": 3850, "TotalCurrent": 30_000,
                "CellsTotal": 1, "CellsVoltage": [3300], "ProbeNum": 1, "ProbeTemp": [65],
            }),
        ),
        (
            "32 01 0002 0ce4 02 0003 0c80 03 0004 41 04 0005 40",
            json!({
                "Type": "SuperCapacitorExtreme", "MaxVoltageManagerSysNo": 1, "MaxVoltageCellCode": 2,
                "MaxVoltageCellValue": 3300, "MinVoltageManagerSysNo": 2, "MinVoltageCellCode": 3,
                "MinVoltageCellValue": 3200, "MaxTempManagerSysNo": 3, "MaxTempProbeCode": 4, "MaxTempValue": 65,
                "MinTempManagerSysNo": 4, "MinTempProbeCode": 5, "MinTempValue": 64,
            }),
        ),
        (
            "ff 01 0002 01ab 0001 03",
            json!({
                "Type": "Signature", "SignatureType": 1, "RLength": 2, "RValue": "01AB", "SLength": 1, "SValue": "03",
            }),
        ),
    ];
    compare("$$", &expected);
}

/// All blocks in one report, compared one by one.
fn compare(lead: &str, expected: &[(&str, Json)]) {
    let blocks: String = expected.iter().map(|(block, _)| *block).collect();
    let infos = infos(lead, &blocks);
    let infos = infos.as_array().unwrap();
    for (ours, (_, theirs)) in infos.iter().zip(expected) {
        assert_eq!(ours, theirs);
    }
    assert_eq!(infos.len(), expected.len());
}

#[test]
fn what_emqx_does_not_know_is_one_piece_to_the_end() {
    let engine = json!({"Type": "Engine", "CrankshaftSpeed": 3000});
    let custom = |data: &str| json!({"Type": "CustomData", "Data": data});
    // Also what we could read behind it.
    assert_eq!(infos("$$", "04 0bb8 80 0002 abcd 04 0bb8"), json!([engine, custom("gAACq80EC7g=")]));
    assert_eq!(infos("$$", "04 0bb8 40 0102"), json!([engine, custom("QAEC")]));
    assert_eq!(infos("##", "80 0001 07"), json!([custom("gAABBw==")]));
    let (topic, data) = up("##", 0xC1, 0xFE, &[1, 2, 3]);
    assert_eq!((topic.as_str(), data), ("transparent", custom("AQID")));
}

#[test]
fn platforms_activations_and_keys_have_the_json_of_emqx() {
    let signature = json!({
        "Type": "Signature", "SignatureType": 1, "RLength": 1, "RValue": "05", "SLength": 1, "SValue": "06",
    });
    let head = [&hex("18051f0c0000")[..], b"CHIP123456789012", &hex("0002 0a0b"), VIN.as_bytes()].concat();
    let activation = [&head[..], &hex("01 0001 05 0001 06")].concat();
    let (topic, data) = up("$$", 9, 0xFE, &activation);
    let expected = json!({
        "Time": time(0), "ChipID": "CHIP123456789012", "PubKeyLen": 2, "PubKey": "0A0B", "VIN": VIN,
        "Signature": signature,
    });
    assert_eq!((topic.as_str(), data), ("activation", expected));
    // It comes before the login.
    let mut conn = TestConn::<Message>::with_profile("emqx");
    conn.send(&frame("$$", 9, 0xFE, &activation));
    assert_eq!(conn.publishes()[0].topic, format!("gbt32960/{VIN}/upstream/activation"));

    let (topic, data) = up("$$", 11, 0xFE, &hex("02 0002 ffee 18051f0c0000 18051f0c0001"));
    let expected = json!({
        "KeyType": 2, "KeyLength": 2, "Key": "FFEE", "ActiveTime": time(0), "ExpireTime": time(1),
    });
    assert_eq!((topic.as_str(), data), ("transparent", expected));

    let mut conn = TestConn::<Message>::with_profile("emqx");
    let mut data = hex("18051f0c0000 0001");
    data.extend(b"platform\0\0\0\0password\0\0\0\0\0\0\0\0\0\0\0\0\x01");
    conn.send(&frame("##", 5, 0xFE, &data));
    let [publish] = conn.publishes() else { panic!("{:?}", conn.publishes()) };
    assert_eq!(publish.topic, format!("gbt32960/{VIN}/upstream/plogin"));
    let expected = json!({
        "Time": time(0), "Seq": 1, "Username": "platform", "Password": "password", "Encrypt": 1,
    });
    assert_eq!(publish.json()["Data"], expected);
}

#[test]
fn answers_have_the_json_of_emqx() {
    let data = hex(
        "18051f0c0009 0a 01 1770 02 000a 03 000b 04 03 05 612e62 06 1f90 07 312e302e30 09 0a 0c 01 10 02",
    );
    let expected = json!({"Time": time(9), "Total": 10, "Params": [
        {"0x01": 6000}, {"0x02": 10}, {"0x03": 11}, {"0x04": 3}, {"0x05": "a.b"}, {"0x06": 8080},
        {"0x07": "1.0.0"}, {"0x09": 10}, {"0x0C": 1}, {"0x10": 2},
    ]});
    assert_eq!(up("##", 0x80, 1, &data), ("response".into(), expected.clone()));
    assert_eq!(up("##", 0x81, 1, &data), ("response".into(), expected));
    assert_eq!(up("##", 0x81, 1, &hex("18051f0c0009")), ("response".into(), json!({"Time": time(9)})));
    let expected = json!({"Time": time(9), "Total": 1, "Params": [{"0x02": 10}]});
    assert_eq!(up("$$", 0x80, 1, &hex("18051f0c0009 01 02 0a")), ("response".into(), expected));

    let expected = json!({"Time": time(9), "Command": 2, "Param": ""});
    assert_eq!(up("##", 0x82, 1, &hex("18051f0c0009 02")), ("response".into(), expected));
    let expected = json!({"Time": time(9), "Command": 6, "Param": {"Level": 1, "Message": "hi"}});
    assert_eq!(up("##", 0x82, 1, &hex("18051f0c0009 06 01 6869")), ("response".into(), expected));
}

/// The command and the data unit that a message of the broker becomes.
fn down(lead: &str, payload: &Json) -> Result<(u8, Vec<u8>), String> {
    let mut conn = logged_in(lead);
    assert!(conn.message(&format!("gbt32960/{VIN}/dnstream"), payload.to_string().as_bytes()));
    match conn.sent_frames().last() {
        Some(sent) => {
            let data = sent[24..sent.len() - 1].to_vec();
            assert_eq!(*sent, frame(lead, sent[2], 0xFE, &data));
            Ok((sent[2], data))
        }
        None => Err(conn.take_reports().last().unwrap().to_string()),
    }
}

#[test]
fn downlinks_have_the_json_of_emqx() {
    // The gateway's clock, see `CLOCK`.
    let data = |rest: &[u8]| [&hex("180601000007")[..], rest].concat();
    let query = json!({"Action": "Query", "Total": 2, "Ids": ["0x01", "0x0A"]});
    assert_eq!(down("##", &query), Ok((0x80, data(&[2, 1, 10]))));

    let set = json!({"Action": "Setting", "Total": 5, "Params": [
        {"0x01": 5000}, {"0x02": 200}, {"0x04": 3}, {"0x05": "a.b"}, {"0x07": "1.0"},
    ]});
    let wire = |period: &str| data(&hex(&format!("05 01 1388 02 {period} 04 03 05 612e62 07 312e300000")));
    assert_eq!(down("##", &set), Ok((0x81, wire("00c8"))));
    assert_eq!(down("$$", &set), Ok((0x81, wire("c8"))));
    // The length of an address may be left out.
    let set = json!({"Action": "Setting", "Total": 1, "Params": [{"0x0E": "a.b"}]});
    assert_eq!(down("##", &set), Ok((0x81, data(&hex("02 0d 03 0e 612e62")))));

    let shut_down = json!({"Action": "Control", "Command": "0x02"});
    assert_eq!(down("##", &shut_down), Ok((0x82, data(&[2]))));
    let alarm = json!({"Action": "Control", "Command": "0x06", "Param": {"Level": 1, "Message": "hi"}});
    assert_eq!(down("##", &alarm), Ok((0x82, data(b"\x06\x01hi"))));
    let upgrade = json!({"Action": "Control", "Command": "0x01", "Param": {
        "DialingName": "hz203", "Username": "user001", "Password": "password01", "Ip": "192.168.199.1",
        "Port": 8080, "ManufacturerId": "BMWA", "HardwareVer": "1.0.0", "SoftwareVer": "1.0.0",
        "UpgradeUrl": "ftp://emqtt.io/ftp/server", "Timeout": 10,
    }});
    let text = b"\x01hz203;user001;password01;\0\0\xC0\xA8\xC7\x01;\x1F\x90;BMWA;1.0.0;1.0.0;ftp://emqtt.io/ftp/server;\0\x0A";
    assert_eq!(down("##", &upgrade), Ok((0x82, data(text))));

    for (payload, why) in [
        (json!({"Action": "Dance"}), "Action: no such action: Dance"),
        (json!({}), "Action: missing"),
        (json!({"Action": "Query", "Total": 3, "Ids": ["0x01"]}), "Total: 3, but there are 1"),
        (json!({"Action": "Query", "Total": 1, "Ids": ["0x100"]}), "Ids[0]: no number of one byte: 0x100"),
        (
            json!({"Action": "Setting", "Total": 1, "Params": [{"0x01": 70_000}]}),
            "Params[0].0x01: 70000 is not within 0 to 65535",
        ),
        (
            json!({"Action": "Setting", "Total": 1, "Params": [{"0x40": 1}]}),
            "Params[0].0x40: no such parameter",
        ),
        (json!({"Action": "Control", "Command": "0x09"}), "Command: no such command: 0x09"),
        (json!({"Action": "Control", "Command": "0x06", "Param": {"Level": 1}}), "Param.Message: missing"),
    ] {
        let error = down("##", &payload).unwrap_err();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn the_time_of_answers_is_the_gateways() {
    let mut conn = logged_in("##");
    conn.send(&frame("##", 8, 0xFE, &[]));
    assert_eq!(conn.take_sent(), frame("##", 8, 1, &hex("180601000007")));
}
