//! The blocks of a report in the JSON of EMQX's gateway.

use super::*;

/// The blocks of a report. What stands from the first block of the maker's own
/// on is one piece: EMQX knows no lengths there.
pub(super) fn infos<B: Encode<Ctx = ()>>(
    mut blocks: Vec<B>,
    tail: &[u8],
    own: impl Fn(&B) -> bool,
    block: impl Fn(&B, &mut JsonObject<'_>),
    json: &mut JsonObject<'_>,
) {
    let known = blocks.iter().position(own).unwrap_or(blocks.len());
    let mut custom: Vec<u8> =
        blocks.drain(known..).flat_map(|it| to_bytes(&it).unwrap_or_default()).collect();
    custom.extend(tail);
    let custom = (!custom.is_empty()).then_some(custom);
    let all = blocks.iter().map(Ok).chain(custom.iter().map(Err));
    json.objects("Infos", all, |json, it| match it {
        Ok(known) => block(known, json),
        Err(custom) => json.put("Type", "CustomData").put("Data", &Base64(custom)).end(),
    });
}

pub(super) fn block(block: &Block<'_>, json: &mut JsonObject<'_>) {
    match block {
        Block::Vehicle(it) => {
            let Running { state, charging, mode, speed, mileage, voltage, current, .. } = it;
            json.put("Type", "Vehicle").put("Status", &state.0).put("Charging", &charging.0);
            json.put("Mode", &mode.0).put("Speed", speed).put("Mileage", mileage).put("Voltage", voltage);
            json.put("Current", &current.0)
                .put("SOC", &it.soc.0)
                .put("DC", &it.dc_dc.0)
                .put("Gear", &it.gear);
            json.put("Resistance", &it.insulation).put("AcceleratorPedal", &it.accelerator.0);
            json.put("BrakePedal", &it.brake);
        }
        Block::Motors { motors } => {
            json.put("Type", "DriveMotor").put("Number", &(motors.len() as u8));
            json.objects("Motors", motors, |json, it| {
                json.put("No", &it.number).put("Status", &it.state.0).put("CtrlTemp", &it.controller.0);
                json.put("Rotating", &it.speed).put("Torque", &it.torque).put("MotorTemp", &it.temperature.0);
                json.put("InputVoltage", &it.voltage).put("DCBusCurrent", &it.current.0);
            });
        }
        Block::FuelCell(cell) => {
            json.put("Type", "FuelCell").put("CellVoltage", &cell.voltage).put("CellCurrent", &cell.current);
            json.put("FuelConsumption", &cell.consumption).put("ProbeNum", &(cell.probes.len() as u16));
            json.list("ProbeTemps", cell.probes.iter().map(|probe| probe.0));
            hydrogen(&cell.hydrogen, json);
        }
        Block::Engine { state, speed, consumption } => {
            json.put("Type", "Engine").put("Status", &state.0).put("CrankshaftSpeed", speed);
            json.put("FuelConsumption", consumption);
        }
        Block::Location { state, lon, lat } => {
            json.put("Type", "Location").put("Status", state).put("Longitude", lon).put("Latitude", lat);
        }
        Block::Extremes { highest, lowest, hottest, coldest } => {
            json.put("Type", "Extreme");
            for (which, it) in [("Max", highest), ("Min", lowest)] {
                json.put(&format!("{which}VoltageBatterySubsysNo"), &it.system.0);
                json.put(&format!("{which}VoltageBatteryCode"), &it.cell.0);
                json.put(&format!("{which}BatteryVoltage"), &it.voltage);
            }
            for (which, it) in [("Max", hottest), ("Min", coldest)] {
                json.put(&format!("{which}TempSubsysNo"), &it.system.0);
                json.put(&format!("{which}TempProbeNo"), &it.probe.0);
                json.put(&format!("{which}Temp"), &it.temperature.0);
            }
        }
        Block::Alarms(it) => alarms(it, json),
        Block::Voltages { systems } => {
            json.put("Type", "ChargeableVoltage").put("Number", &(systems.len() as u8));
            json.objects("SubSystems", systems, |json, it| {
                json.put("ChargeableSubsysNo", &it.system).put("ChargeableVoltage", &it.voltage);
                json.put("ChargeableCurrent", &it.current.0).put("CellsTotal", &it.total);
                json.put("FrameCellsIndex", &it.first).put("FrameCellsCount", &(it.cells.len() as u8));
                json.list("CellsVoltage", &it.cells);
            });
        }
        Block::Temperatures { systems } => {
            json.put("Type", "ChargeableTemp").put("Number", &(systems.len() as u8));
            json.objects("SubSystems", systems, |json, it| probes("ChargeableSubsysNo", &it, json));
        }
        Block::User { .. } => {}
    }
}

pub(super) fn block2025(block: &Block2025<'_>, json: &mut JsonObject<'_>) {
    match block {
        Block2025::Vehicle(it) => {
            json.put("Type", "Vehicle").put("Status", &it.state.0).put("Charging", &it.charging.0);
            json.put("Mode", &it.mode.0).put("Speed", &it.speed).put("Mileage", &it.mileage);
            json.put("Voltage", &it.voltage.0).put("Current", &it.current.0).put("SOC", &it.soc.0);
            json.put("DC", &it.dc_dc.0).put("Gear", &it.gear).put("Resistance", &it.insulation);
        }
        Block2025::Motors { motors } => {
            json.put("Type", "DriveMotor").put("Number", &(motors.len() as u8));
            json.objects("Motors", motors, |json, it| {
                json.put("No", &it.number).put("Status", &it.state.0).put("CtrlTemp", &it.controller.0);
                json.put("Rotating", &it.speed).put("Torque", &it.torque).put("MotorTemp", &it.temperature.0);
            });
        }
        Block2025::FuelCell { hydrogen: state, remaining, dc_dc_temperature } => {
            hydrogen(state, json.put("Type", "FuelCell"));
            json.put("RemainingH2", remaining).put("DCDCTemp", &dc_dc_temperature.0);
        }
        Block2025::Engine { speed } => json.put("Type", "Engine").put("CrankshaftSpeed", speed).end(),
        Block2025::Location { state, system, lon, lat } => {
            json.put("Type", "Location").put("Status", state).put("CoordinateSystem", system);
            json.put("Longitude", lon).put("Latitude", lat);
        }
        Block2025::Alarms(it) => alarms(it, json),
        Block2025::Voltages { packs } => {
            json.put("Type", "MinVoltageOfPowerBattery").put("Number", &(packs.len() as u8));
            json.objects("SubSystems", packs, |json, it| {
                json.put("BatteryPackNo", &it.pack).put("BatteryPackVoltage", &it.voltage.0);
                json.put("BatteryPackCurrent", &it.current.0);
                json.put("MinParallelUnitTotal", &(it.cells.len() as u16));
                json.list("MinParallelUnitVoltage", &it.cells);
            });
        }
        Block2025::Temperatures { packs } => {
            json.put("Type", "TempOfPowerBattery").put("Number", &(packs.len() as u8));
            json.objects("SubSystems", packs, |json, it| probes("BatteryPackNo", &it, json));
        }
        Block2025::Stacks { stacks } => {
            json.put("Type", "FuelCellStack").put("Number", &(stacks.len() as u8));
            json.objects("Stacks", stacks, |json, it| {
                json.put("FuelCellStackNo", &it.stack)
                    .put("Voltage", &it.voltage.0)
                    .put("Current", &it.current);
                json.put("H2InletPressure", &it.hydrogen_inlet.0).put("AirInletPressure", &it.air_inlet.0);
                json.put("AirInletTemp", &it.air_temperature.0)
                    .put("StackProbeNum", &(it.probes.len() as u16));
                json.list("StackProbeTemp", it.probes.iter().map(|probe| probe.0));
            });
        }
        Block2025::Capacitor { system, voltage, current, cells, probes } => {
            json.put("Type", "SuperCapacitor").put("ManagerSysNo", system).put("TotalVoltage", &voltage.0);
            json.put("TotalCurrent", &current.0).put("CellsTotal", &(cells.len() as u16));
            json.list("CellsVoltage", cells).put("ProbeNum", &(probes.len() as u16));
            json.list("ProbeTemp", probes.iter().map(|probe| probe.0));
        }
        Block2025::CapacitorExtremes { highest, lowest, hottest, coldest } => {
            json.put("Type", "SuperCapacitorExtreme");
            for (which, it) in [("Max", highest), ("Min", lowest)] {
                json.put(&format!("{which}VoltageManagerSysNo"), &it.system);
                json.put(&format!("{which}VoltageCellCode"), &it.cell);
                json.put(&format!("{which}VoltageCellValue"), &it.voltage);
            }
            for (which, it) in [("Max", hottest), ("Min", coldest)] {
                json.put(&format!("{which}TempManagerSysNo"), &it.system);
                json.put(&format!("{which}TempProbeCode"), &it.probe);
                json.put(&format!("{which}TempValue"), &it.temperature.0);
            }
        }
        Block2025::Signature(signature) => sign(signature, json),
        Block2025::User { .. } => {}
    }
}

fn hydrogen(it: &Hydrogen, json: &mut JsonObject<'_>) {
    json.put("H_MaxTemp", &it.temperature).put("H_TempProbeCode", &it.temperature_probe);
    json.put("H_MaxConc", &it.concentration).put("H_ConcSensorCode", &it.concentration_sensor);
    json.put("H_MaxPress", &it.pressure).put("H_PressSensorCode", &it.pressure_sensor);
    json.put("DCStatus", &it.dc_dc.0);
}

fn probes(number: &str, it: &Temperatures<'_>, json: &mut JsonObject<'_>) {
    json.put(number, &it.system).put("ProbeNum", &(it.probes.len() as u16));
    json.list("ProbesTemp", it.probes.iter().map(|probe| probe.0));
}

fn alarms(it: &Alarms, json: &mut JsonObject<'_>) {
    // Fault codes have at least four digits, since 2025 eight.
    let digits = if it.general.is_some() { 8 } else { 4 };
    json.put("Type", "Alarm").put("MaxAlarmLevel", &it.level).put("GeneralAlarmFlag", &it.flags);
    let lists = [
        ("ChargeableDevice", &it.battery),
        ("DriveMotor", &it.motor),
        ("Engine", &it.engine),
        ("Others", &it.other),
    ];
    for (what, codes) in lists {
        json.put(&format!("Fault{what}Num"), &(codes.len() as u8));
        json.list(&format!("Fault{what}List"), codes.iter().map(|code| format!("{code:0digits$X}")));
    }
    if let Some(General(list)) = &it.general {
        json.put("FaultGeneralNum", &(list.len() as u8));
        json.objects("FaultGeneralList", list, |json, it| {
            json.put("No", &it.flag).put("Level", &it.level);
        });
    }
}

pub(super) fn sign(signature: &Signature<'_>, json: &mut JsonObject<'_>) {
    json.put("Type", "Signature").put("SignatureType", &signature.kind);
    json.put("RLength", &(signature.r.len() as u16)).put("RValue", hex(signature.r).as_str());
    json.put("SLength", &(signature.s.len() as u16)).put("SValue", hex(signature.s).as_str());
}
