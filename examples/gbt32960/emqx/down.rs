//! Commands in the JSON of EMQX's gateway.

use super::*;

/// `{"Action": "Query", ..}`, `Setting` or `Control`.
pub(in super::super) fn down<'f>(payload: &'f Node, cx: &mut Cx<'_, Vehicle>) -> Result<Body<'f>, FillError> {
    let time = now(cx);
    match payload.field("Action")? {
        "Query" => {
            let ids: Vec<&str> = payload.field("Ids")?;
            total(payload, ids.len())?;
            let ids = ids
                .iter()
                .enumerate()
                .map(|(index, id)| number(id).map_err(|error| error.within_element(index).within("Ids")));
            Ok(Body::Query { time, ids: payload.keep(ids.collect::<Result<_, _>>()?) })
        }
        "Setting" => {
            let params: Vec<&Node> = payload.field("Params")?;
            total(payload, params.len())?;
            let v2025 = cx.state.v2025;
            let mut list = Vec::new();
            for (index, node) in params.into_iter().enumerate() {
                let one = one_parameter(node, v2025);
                list.extend(one.map_err(|error| error.within_element(index).within("Params"))?);
            }
            let number = list.iter().map(|parameter| ids(parameter).count() as u8).sum();
            Ok(Body::Set { time, parameters: Parameters { number, list: list.into() } })
        }
        "Control" => {
            let id = number(payload.field("Command")?).map_err(|error| error.within("Command"))?;
            let command = match id {
                0x01 => upgrade(payload.field("Param")?).map_err(|error| error.within("Param"))?,
                0x02 => Command::ShutDown,
                0x03 => Command::Reset,
                0x04 => Command::FactoryReset,
                0x05 => Command::Disconnect,
                0x06 => alarm(payload.field("Param")?).map_err(|error| error.within("Param"))?,
                0x07 => Command::StartSampling,
                _ => return Err(FillError::new(format!("no such command: {id:#04x}")).within("Command")),
            };
            Ok(Body::Control { time, command })
        }
        other => Err(FillError::new(format!("no such action: {other}")).within("Action")),
    }
}

/// `"Total"` says how many there are.
fn total(payload: &Node, count: usize) -> Result<(), FillError> {
    let total = payload.field::<u8>("Total")?;
    if usize::from(total) == count {
        return Ok(());
    }
    Err(FillError::new(format!("{total}, but there are {count}")).within("Total"))
}

/// `"0x0A"` or `"10"`.
fn number(text: &str) -> Result<u8, FillError> {
    let number = match text.strip_prefix("0x") {
        Some(digits) => u8::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.map_err(|_| FillError::new(format!("no number of one byte: {text}")))
}

/// `{"0x01": 5000}`; `None` for the length of an address, which is computed.
fn one_parameter(node: &Node, v2025: bool) -> Result<Option<Parameter<'_>>, FillError> {
    let mut members = node.members().ok_or_else(|| node.expected("an object"))?;
    let (Some((name, _)), None) = (members.next(), members.next()) else {
        return Err(node.expected("an object with one member"));
    };
    let period = || -> Result<Period, FillError> {
        Ok(if v2025 { Period::V2025(node.field(name)?) } else { Period::V2016(node.field(name)?) })
    };
    let text = || -> Result<Text<'_>, FillError> { Ok(node.field::<&str>(name)?.into()) };
    Ok(Some(match number(name).map_err(|error| error.within(name))? {
        0x01 => Parameter::StorePeriod(node.field(name)?),
        0x02 => Parameter::ReportPeriod(period()?),
        0x03 => Parameter::AlarmPeriod(period()?),
        0x04 | 0x0D => return Ok(None),
        0x05 => Parameter::Platform { address: text()? },
        0x06 => Parameter::PlatformPort(node.field(name)?),
        0x07 => Parameter::Hardware(text()?),
        0x08 => Parameter::Firmware(text()?),
        0x09 => Parameter::HeartbeatPeriod(node.field(name)?),
        0x0A => Parameter::TerminalTimeout(node.field(name)?),
        0x0B => Parameter::PlatformTimeout(node.field(name)?),
        0x0C => Parameter::LoginWait(node.field(name)?),
        0x0E => Parameter::PublicPlatform { address: text()? },
        0x0F => Parameter::PublicPort(node.field(name)?),
        0x10 => Parameter::Sampling(node.field(name)?),
        _ => return Err(FillError::new("no such parameter").within(name)),
    }))
}

fn upgrade(param: &Node) -> Result<Command<'_>, FillError> {
    let text = |name| -> Result<Text<'_>, FillError> { Ok(param.field::<&str>(name)?.into()) };
    let [a, b, c, d] = param.field::<Ipv4Addr>("Ip")?.octets();
    Ok(Command::Upgrade(Upgrade {
        dial: text("DialingName")?,
        user: text("Username")?,
        password: text("Password")?,
        ip: [0, 0, a, b, c, d],
        port: param.field("Port")?,
        maker: text("ManufacturerId")?,
        hardware: text("HardwareVer")?,
        firmware: text("SoftwareVer")?,
        url: text("UpgradeUrl")?,
        limit: param.field("Timeout")?,
    }))
}

fn alarm(param: &Node) -> Result<Command<'_>, FillError> {
    Ok(Command::Alarm { level: param.field("Level")?, text: param.field::<&str>("Message")?.into() })
}
