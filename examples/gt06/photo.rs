//! Pictures: the gateway asks for one part after the other.

use super::*;

/// The picture that is being fetched from a device.
#[derive(Debug, Default)]
pub struct Photo {
    id: u32,
    size: u32,
}

impl Photo {
    /// The question for what stands at an offset, if anything does.
    fn ask(&self, offset: u32) -> Option<Packet<'static>> {
        let size = u16::try_from(self.size.checked_sub(offset)?.min(1024)).unwrap_or(1024);
        let content = Content::Mixed(Mixed::Ask { id: self.id, offset, size });
        (size > 0).then_some(Packet::Short(Short { content, serial: 0 }))
    }
}

pub(super) fn first_part(frame: &Short<'_>, cx: &mut Cx<'_, Photo>, _: &Outcome) -> Option<Packet<'static>> {
    let Content::Photo { id, size, .. } = frame.content else { return None };
    *cx.state = Photo { id, size };
    cx.state.ask(0)
}

pub(super) fn next_part(frame: &Short<'_>, cx: &mut Cx<'_, Photo>, _: &Outcome) -> Option<Packet<'static>> {
    match frame.content {
        Content::Mixed(Mixed::Part { id, offset, data }) if id == cx.state.id => {
            cx.state.ask(offset.checked_add(u32::try_from(data.len()).ok()?)?)
        }
        Content::Mixed(Mixed::Part { .. } | Mixed::Ask { .. }) => None,
        _ => Some(Packet::Ack(Ack { protocol: frame.content.tag() as u8, serial: frame.serial })),
    }
}
