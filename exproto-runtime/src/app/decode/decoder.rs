//! One connection: its frames, its segments, its session.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use super::show::Sink;
use super::{DecodeArgs, Role};
use crate::codec::{
    Assembled, Deframer, Error, Explanation, Flag, Flags, Item, NoTrace, Position, Protocol, RawFrame,
    Reassembler, ReassemblyLimits, Received, explain_bad_with, explain_joined_with, explain_with,
    reencode_with, to_json,
};
use crate::session::{
    Access, Action, ConnInfo, Event, Gateway, Now, Out, Outcome, Ran, Report, Session, SessionSettings,
    Ticket,
};

/// The clock of the command stands still: the same bytes always show the same.
const NOW: Now = Now::new(0, 1_704_067_200_000);

/// A frame and what the gateway does with it.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub(super) kind: &'static str,
    /// The value as JSON.
    pub(super) fields: Vec<u8>,
    pub(super) client_id: Option<String>,
    pub(super) publishes: Vec<Publish>,
    pub(super) replies: Vec<Vec<u8>>,
    pub(super) reencoded: Option<Vec<u8>>,
    /// Whether `reencoded` is what was received.
    pub(super) same: bool,
    /// What happened to it.
    pub(super) flags: Vec<String>,
    /// What is odd in it; a picture says the same in its own way.
    pub(super) oddities: Vec<String>,
}

#[derive(Debug)]
pub(super) struct Publish {
    pub(super) topic: String,
    pub(super) qos: u8,
    pub(super) payload: Vec<u8>,
}

/// Something that could not be read.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) kind: &'static str,
    /// Bytes of the stream before it; for hex, characters of the line.
    pub(super) offset: u64,
    pub(super) path: String,
    pub(super) message: String,
}

impl Problem {
    pub(super) fn hex(offset: usize, message: String) -> Self {
        Self { kind: "hex", offset: offset as u64, path: String::new(), message }
    }

    fn new(explanation: &Explanation, error: Error, offset: u64) -> Self {
        let mut message = String::from(error.kind().sentence());
        let mut path = String::new();
        if let Some(failure) = explanation.failure() {
            if let Some(compared) = failure.said() {
                message = format!("{message}: {compared}");
            }
            // What concerns the whole frame has no path inside it.
            if !failure.error.field().owner.is_empty() {
                path = failure.path.dotted();
            }
        }
        Self { kind: error.kind().name(), offset, path, message }
    }
}

/// What a connection has sent so far.
pub(super) struct Decoder<G: Gateway> {
    accept_bad: bool,
    role: Role,
    pictures: bool,
    deframer: Deframer<G>,
    reassembler: Reassembler,
    device: Device<G>,
    scratch: Vec<u8>,
}

impl<G: Gateway> Decoder<G> {
    pub(super) fn new(args: &DecodeArgs) -> Self {
        let mut device = Device::new(args);
        let deframer = Deframer::with_ctx(device.session.ctx());
        Self {
            accept_bad: args.accept_bad,
            role: args.role,
            pictures: !args.json,
            deframer: deframer.accepting_bad(args.accept_bad).read_as(args.role.into()),
            reassembler: Reassembler::new(ReassemblyLimits::default()),
            device,
            scratch: Vec::new(),
        }
    }

    /// Shows the frames that these bytes complete.
    pub(super) fn feed(&mut self, bytes: &[u8], sink: &mut dyn Sink) -> io::Result<()> {
        let mut input = bytes;
        while let Some(item) = self.deframer.next(&mut input, &mut self.scratch) {
            let item = as_read::<G>(item, self.role, &mut self.device);
            show_item(item, &mut self.reassembler, &mut self.device, self.pictures, sink)?;
            if size_of::<G::Ctx>() != 0 {
                // The frame may have told what decides the next one.
                self.deframer.set_ctx(self.device.session.ctx());
            }
        }
        Ok(())
    }

    /// Shows what waits for a frame that will not come in this line.
    pub(super) fn end_of_line(&mut self, sink: &mut dyn Sink) -> io::Result<()> {
        if !self.deframer.holds_garbage() {
            return Ok(());
        }
        while let Some(item) = self.deframer.finish(&mut self.scratch) {
            show_item(item, &mut self.reassembler, &mut self.device, self.pictures, sink)?;
        }
        Ok(())
    }

    /// The frame that has begun and not ended.
    pub(super) fn rest(&self) -> Vec<u8> {
        match (self.deframer.incomplete(), G::KINDS) {
            ([], _) => Vec::new(),
            (rest, [_]) => opened::<G>(0, rest),
            // Of several kinds it is not known yet which it is.
            (rest, _) => rest.to_vec(),
        }
    }

    /// What is incomplete in a datagram stays so.
    pub(super) fn next_datagram(&mut self) {
        let deframer = Deframer::with_ctx(self.device.session.ctx());
        self.deframer = deframer.accepting_bad(self.accept_bad).read_as(self.role.into());
    }
}

/// A frame as the kind that it has for who reads it.
fn as_read<'f, G: Gateway>(item: Item<'f>, role: Role, device: &mut Device<G>) -> Item<'f> {
    match (item, role) {
        (Item::Frame(raw), Role::Device) => Item::Frame(raw.as_sent::<G>(device.session.ctx())),
        (item, _) => item,
    }
}

/// The bytes of a frame with the delimiter that stands before it, which is
/// not among those of a frame that shares it with the one before.
fn opened<G: Protocol>(kind: usize, wire: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(wire.len() + 1);
    if let Some(kind) = G::KINDS.get(kind) {
        kind.framing.restore(wire, &mut bytes);
    }
    bytes
}

fn show_item<G: Gateway>(
    item: Item<'_>,
    reassembler: &mut Reassembler,
    device: &mut Device<G>,
    pictures: bool,
    sink: &mut dyn Sink,
) -> io::Result<()> {
    match item {
        Item::Frame(raw) => show_frame(&raw, reassembler, device, pictures, sink),
        Item::Bad(bad) => {
            let explanation = explain_bad_with::<G>(&bad, device.session.ctx());
            let offset = bad.offset + u64::from(bad.error.offset());
            let problem = Problem::new(&explanation, bad.error, offset);
            sink.problem(problem, Some(&explanation))
        }
    }
}

fn show_frame<G: Gateway>(
    raw: &RawFrame<'_>,
    reassembler: &mut Reassembler,
    device: &mut Device<G>,
    picture: bool,
    sink: &mut dyn Sink,
) -> io::Result<()> {
    let ctx = device.session.ctx();
    let received = match raw.decode_with::<G>(ctx) {
        Ok(received) => received,
        Err(error) => {
            let explanation = explain_with::<G>(raw, ctx);
            let problem = Problem::new(&explanation, error, raw.stream_offset::<G>(error.offset()));
            return sink.problem(problem, Some(&explanation));
        }
    };
    let mut explanations = Vec::new();
    if picture || !received.flags.is_empty() {
        explanations.push(explain_with::<G>(raw, ctx));
    }
    let mut shown = Shown::default();
    show_value::<G>(&received.frame, &mut shown);
    show_reencoded::<G>(&received, raw, ctx, &mut shown);
    let mut access = G::access(&received.frame);
    let mut problem = None;
    match assemble::<G>(&received.frame, ctx, raw, reassembler, &mut shown.flags) {
        Some(whole) => match G::join(whole.kind, &whole.head, &whole.body, ctx, NoTrace) {
            Ok((frame, flags)) => {
                show_value::<G>(&frame, &mut shown);
                access = G::access(&frame);
                if picture || flags != Flags::NONE {
                    explanations.push(explain_joined_with::<G>(whole.kind, &whole.head, &whole.body, ctx));
                }
            }
            Err(error) => {
                let explanation = explain_joined_with::<G>(whole.kind, &whole.head, &whole.body, ctx);
                problem = Some(Problem::new(&explanation, error, raw.offset));
                explanations.push(explanation);
            }
        },
        // The segment alone is not what the routes are about.
        None if G::segment(&received.frame, ctx).is_some() => access = Access::Public,
        None => {}
    }
    for oddity in explanations.iter().flat_map(Explanation::oddities) {
        let sentence = oddity.flag.sentence();
        shown.oddities.push(match oddity.flag {
            Flag::Checksum | Flag::Length => String::from(sentence),
            _ => format!("{}: {sentence}", oddity.path.dotted()),
        });
    }
    if device.routed {
        device.frame(&opened::<G>(raw.kind, raw.wire), access, &mut shown);
    }
    let pictures: &[Explanation] = if picture { &explanations } else { &[] };
    sink.frame(shown, pictures)?;
    match problem {
        Some(problem) => sink.problem(problem, None),
        None => Ok(()),
    }
}

fn show_value<G: Protocol>(frame: &G::At<'_>, shown: &mut Shown) {
    shown.kind = G::kind(frame);
    shown.fields.clear();
    to_json(frame, &mut shown.fields);
}

fn show_reencoded<G: Protocol>(
    received: &Received<G::At<'_>>,
    raw: &RawFrame<'_>,
    ctx: G::Ctx,
    shown: &mut Shown,
) {
    let mut out = Vec::new();
    match reencode_with::<G>(received, raw, ctx, &mut out) {
        Ok(()) => {
            shown.same = out == opened::<G>(raw.kind, raw.wire);
            shown.reencoded = Some(out);
        }
        Err(error) => shown.flags.push(format!("cannot be encoded again: {error}")),
    }
}

/// Adds a segment to its message; the message when it is whole.
fn assemble<G: Protocol>(
    frame: &G::At<'_>,
    ctx: G::Ctx,
    raw: &RawFrame<'_>,
    reassembler: &mut Reassembler,
    flags: &mut Vec<String>,
) -> Option<Assembled> {
    let segment = G::segment(frame, ctx)?;
    flags.push(segment.to_string());
    match reassembler.add(NOW.clock, segment, raw.payload) {
        Ok(None) => None,
        Ok(Some(whole)) => {
            flags.push(match segment.at {
                Position::Number { .. } => format!("reassembled from {} segments", whole.total),
                Position::Byte { .. } => format!("reassembled from {} bytes", whole.total),
            });
            Some(whole)
        }
        Err(reason) => {
            flags.push(format!("segment not used: {reason}"));
            None
        }
    }
}

/// The session of a device at a broker that says yes to everything.
struct Device<G: Gateway> {
    /// Whether frames are given to it: those of devices are.
    routed: bool,
    session: Session<G>,
    scratch: Vec<u8>,
    out: Out,
}

impl<G: Gateway> Device<G> {
    fn new(args: &DecodeArgs) -> Self {
        let params = args.params.iter().cloned().collect();
        let profile = args.profile.as_deref().map(Into::into);
        let settings =
            SessionSettings { accept_bad: args.accept_bad, params, profile, ..SessionSettings::default() };
        let mut session = Session::new(ConnInfo::default(), Arc::new(settings)).without_polls();
        if let Some(client_id) = &args.client_id {
            session.log_in(client_id);
        }
        let routed = args.role == Role::Platform;
        let mut device = Self { routed, session, scratch: Vec::new(), out: Out::new() };
        device.run(Event::Connected, &mut Shown::default());
        device
    }

    /// Lets the session work off one whole, readable frame.
    fn frame(&mut self, wire: &[u8], access: Access, shown: &mut Shown) {
        if self.session.close_reason().is_some() {
            shown.flags.push(String::from("after the connection was closed"));
            shown.client_id = self.client_id();
            return;
        }
        let stranger = access == Access::Member && !G::ANONYMOUS && self.session.client_id().is_empty();
        self.run(Event::Bytes(wire), shown);
        for report in self.session.take_reports() {
            shown.flags.push(match report {
                Report::Refused { .. } if stranger => String::from("not logged in"),
                Report::Refused { reason, .. } => format!("refused: {reason}"),
                // Said above already.
                Report::Segment { .. } | Report::BadFrame { .. } => continue,
                other => other.to_string(),
            });
        }
        if let Some(reason) = self.session.close_reason() {
            shown.flags.push(format!("connection closed: {reason}"));
        }
        shown.client_id = self.client_id();
    }

    fn client_id(&self) -> Option<String> {
        Some(self.session.client_id()).filter(|id| !id.is_empty()).map(String::from)
    }

    /// Carries out what the session asks for until it asks for nothing more.
    fn run(&mut self, event: Event<'_>, shown: &mut Shown) {
        let mut tickets: VecDeque<Ticket> = VecDeque::new();
        let mut event = Some(event);
        while let Some(next) = event {
            self.out.clear();
            self.session.on(NOW, next, &mut self.scratch, &mut self.out);
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let mut ran = None;
            for action in self.out.actions() {
                match action {
                    Action::Send(range) => shown.replies.push(self.out.bytes(range).to_vec()),
                    Action::Publish { ticket, topic, payload, qos, .. } => {
                        shown.publishes.push(Publish {
                            topic: text(self.out.bytes(topic)),
                            qos: *qos,
                            payload: self.out.bytes(payload).to_vec(),
                        });
                        tickets.push_back(*ticket);
                    }
                    Action::Authenticate(ticket, _)
                    | Action::Subscribe { ticket, .. }
                    | Action::Unsubscribe { ticket, .. } => tickets.push_back(*ticket),
                    Action::Run(ticket, _) => {
                        ran = Some(Event::Ran(*ticket, Ran::refused("`decode` asks nobody")))
                    }
                    Action::Close(_) | Action::StartTimer(_) => {}
                }
            }
            event = ran.or_else(|| tickets.pop_front().map(|ticket| Event::Completed(ticket, Outcome::Done)));
        }
    }
}
