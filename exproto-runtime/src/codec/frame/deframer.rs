//! From chunks of bytes to whole frames.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use super::item::kind_at;
use super::open::Found;
use super::restart::another;
use super::stream::{Streaming, streams};
use super::whole::{Front, Marks, Whole};
use super::{Bad, FRAME, Framing, Item, Role, Scanner, Step};
use crate::codec::error::{Error, ErrorKind};
use crate::codec::layout::{NoCtx, Protocol};

/// Cuts a stream into frames, however it was cut into chunks.
///
/// Whole frames are handed out where they lie in the chunk; only the
/// incomplete one at the end is copied. Memory is bounded by the `max` of the
/// frame plus what [`stash`](Self::stash) was given. Of a frame with a payload that is
/// [handed out in pieces](crate::doc::wire#stream) what stands before it and one piece
/// are kept.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use exproto_runtime::codec::{Deframer, Item};
/// use exproto_runtime::ExProtoFrame;
///
/// #[derive(ExProtoFrame, Debug, PartialEq)]
/// #[frame(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 64)]
/// #[wire(endian = big)]
/// struct Reading { value: u16 }
///
/// let mut deframer = Deframer::<Reading>::new();
/// let mut scratch = Vec::new();
/// let mut values = Vec::new();
/// for chunk in [&b"\x7E\x01"[..], b"\x7D\x02", b"\x7E\x7E\x00\x07\x7E"] {
///     let mut input = chunk;
///     while let Some(item) = deframer.next(&mut input, &mut scratch) {
///         let Item::Frame(raw) = item else { panic!("{item:?}") };
///         values.push(raw.decode::<Reading>().unwrap().frame.value);
///     }
/// }
/// assert_eq!(values, [0x017E, 7]);
/// # }
/// ```
pub struct Deframer<P: Protocol> {
    pub(super) scan: P::Scan,
    pub(super) pending: Vec<u8>,
    /// The frame at hand, if it is handed out in pieces.
    stream: Option<Box<Streaming>>,
    /// Bytes at the front of `pending` that are dealt with.
    pub(super) head: usize,
    /// So many bytes have to come before the others are worth a look; 0 if that
    /// is not known.
    pub(super) need: u32,
    /// Bytes of the stream before the front.
    pub(super) offset: u64,
    /// Those of them that the scanner found what they are.
    scanned: u64,
    /// What earlier streams cost.
    visited: u64,
    pub(super) accept_bad: bool,
    /// An earlier datagram held a frame.
    greeted: bool,
    role: Role,
    ctx: P::Ctx,
}

impl<P: Protocol<Ctx: NoCtx>> Default for Deframer<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Protocol> fmt::Debug for Deframer<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deframer")
            .field("pending", &self.pending().len())
            .field("offset", &self.offset)
            .finish_non_exhaustive()
    }
}

impl<P: Protocol<Ctx: NoCtx>> Deframer<P> {
    /// A deframer at the start of a stream. Allocates nothing until a frame is
    /// incomplete.
    #[must_use]
    pub fn new() -> Self {
        Self::with_ctx(NoCtx::NONE)
    }
}

impl<P: Protocol> Deframer<P> {
    /// A deframer of frames whose layout takes a context, at the start of a
    /// stream.
    ///
    /// ```
    /// # #[cfg(feature = "derive")] {
    /// use exproto_runtime::codec::{Deframer, Item};
    /// use exproto_runtime::ExProtoFrame;
    ///
    /// /// Devices of version 2 have a longer length.
    /// #[derive(ExProtoFrame)]
    /// #[frame]
    /// #[wire(endian = big, ctx(version: u8), before(b"@"))]
    /// struct Message<'a> {
    ///     #[wire(if = version >= 2)]
    ///     high: Option<u8>,
    ///     low: u8,
    ///     #[wire(size = (u32::from(high.unwrap_or(0)) << 8) + u32::from(low))]
    ///     data: &'a [u8],
    /// }
    ///
    /// let (mut scratch, mut sizes) = (Vec::new(), Vec::new());
    /// let mut deframer = Deframer::<Message>::with_ctx(MessageCtx { version: 1 });
    /// let mut input = &b"@\x01a@\x00\x02bc"[..];
    /// for version in [1, 2] {
    ///     deframer.set_ctx(MessageCtx { version });
    ///     let Some(Item::Frame(raw)) = deframer.next(&mut input, &mut scratch) else { panic!() };
    ///     sizes.push(raw.decode_with::<Message>(MessageCtx { version }).unwrap().frame.data.len());
    /// }
    /// assert_eq!(sizes, [1, 2]);
    /// # }
    /// ```
    #[must_use]
    pub fn with_ctx(ctx: P::Ctx) -> Self {
        Self {
            ctx,
            scan: P::scanner(ctx),
            pending: Vec::new(),
            stream: None,
            head: 0,
            need: 0,
            offset: 0,
            scanned: 0,
            visited: 0,
            accept_bad: false,
            greeted: false,
            role: Role::Platform,
        }
    }

    /// The context from now on: also the frame that has begun and not ended is
    /// read with it. Its bytes are looked at again, so call it between frames.
    pub fn set_ctx(&mut self, ctx: P::Ctx) {
        self.ctx = ctx;
        self.need = 0;
        P::tell(&mut self.scan, ctx);
    }

    /// Reads as the device or as the platform, which is the default.
    ///
    /// A device is sent the kinds of frames that are marked `sent` and those
    /// without a mark; only devices send the others, `first`. They are tried in
    /// this order: `sent, first` at the start of the connection; `sent`; the
    /// unmarked ones; last those with no leading bytes, which could be
    /// anything. Bytes that turn out not to be of one kind are tried as the next
    /// whose leading bytes they have.
    ///
    /// ```
    /// # #[cfg(feature = "derive")] {
    /// use exproto_runtime::codec::{Deframer, Item, Role};
    /// use exproto_runtime::ExProtoFrame;
    ///
    /// #[derive(ExProtoFrame, Debug, PartialEq)]
    /// #[frame(one_of)]
    /// enum Port {
    ///     Data(Data),
    ///     #[frame(sent, first)]
    ///     Welcome(Welcome),
    ///     #[frame(sent)]
    ///     Taken(Taken),
    /// }
    ///
    /// #[derive(ExProtoFrame, Debug, PartialEq)]
    /// #[frame]
    /// struct Data { #[wire(before(b"\xA5"))] value: u8 }
    ///
    /// #[derive(ExProtoFrame, Debug, PartialEq)]
    /// #[frame]
    /// struct Welcome { accepted: u8 }
    ///
    /// #[derive(ExProtoFrame, Debug, PartialEq)]
    /// #[frame]
    /// #[wire(endian = big)]
    /// struct Taken { records: u16 }
    ///
    /// let (mut device, mut scratch) = (Deframer::<Port>::new().read_as(Role::Device), Vec::new());
    /// let mut input = &[1, 0, 3, 0xA5, 7][..];
    /// for want in [Port::Welcome(Welcome { accepted: 1 }), Port::Taken(Taken { records: 3 }), Port::Data(Data { value: 7 })] {
    ///     let Some(Item::Frame(raw)) = device.next(&mut input, &mut scratch) else { panic!() };
    ///     assert_eq!(raw.decode::<Port>().unwrap().frame, want);
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn read_as(mut self, role: Role) -> Self {
        self.role = role;
        self.need = 0;
        self.scan.read_as(role);
        self
    }

    /// Hands out all frames of one datagram. What is not whole at its end is no
    /// frame and never joined with the next datagram. A deframer reads the datagrams of
    /// one peer: a frame marked `first` is looked for until the first frame was found.
    ///
    /// ```
    /// # #[cfg(feature = "derive")] {
    /// use exproto_runtime::codec::{Deframer, ErrorKind, Item};
    /// use exproto_runtime::ExProtoFrame;
    ///
    /// #[derive(ExProtoFrame)]
    /// #[frame]
    /// #[wire(endian = big)]
    /// struct Reading { value: u16 }
    ///
    /// let (mut deframer, mut scratch, mut seen) = (Deframer::<Reading>::new(), Vec::new(), Vec::new());
    /// for datagram in [&[0, 7, 0, 8, 1][..], &[0, 9]] {
    ///     deframer.datagram(datagram, &mut scratch, |item| seen.push(match item {
    ///         Item::Frame(raw) => Ok(raw.decode::<Reading>().unwrap().frame.value),
    ///         Item::Bad(bad) => Err(bad.error.kind()),
    ///     }));
    /// }
    /// assert_eq!(seen, [Ok(7), Ok(8), Err(ErrorKind::Short), Ok(9)]);
    /// # }
    /// ```
    pub fn datagram(&mut self, bytes: &[u8], scratch: &mut Vec<u8>, mut each: impl FnMut(Item<'_>)) {
        let (mut input, mut greeted) = (bytes, self.greeted);
        let mut each = |item: Item<'_>| {
            greeted |= matches!(item, Item::Frame(_));
            each(item);
        };
        while let Some(item) = self.next(&mut input, scratch) {
            each(item);
        }
        while let Some(item) = self.finish(scratch) {
            each(item);
        }
        self.greeted = greeted;
        if greeted {
            self.go_on();
        }
    }

    /// Flags wrong checksums and lengths instead of refusing the frame.
    #[must_use]
    pub fn accepting_bad(mut self, accept: bool) -> Self {
        self.accept_bad = accept;
        self.need = 0;
        self.scan.accept_bad(accept);
        self
    }

    /// Bytes that are kept because their frame is incomplete or was stashed.
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        self.pending.get(self.head..).unwrap_or(&[])
    }

    /// The bytes of a frame that has begun and not ended, for reports.
    #[must_use]
    pub fn incomplete(&self) -> &[u8] {
        self.stream
            .as_ref()
            .filter(|stream| !stream.is_over())
            .map_or(self.pending(), |stream| stream.pending())
    }

    /// Whether a frame has begun of which pieces were handed out, and not the last.
    #[must_use]
    pub fn in_pieces(&self) -> bool {
        self.stream.as_ref().is_some_and(|stream| !stream.is_over())
    }

    /// Whether bytes are kept that are known to be no frame: they are handed
    /// out when the next frame is found, or by [`finish`](Self::finish).
    #[must_use]
    pub fn holds_garbage(&self) -> bool {
        self.scan.holds_garbage()
    }

    /// Bytes of the stream before the next frame.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Bytes the scanner has looked at.
    #[must_use]
    pub fn visited(&self) -> u64 {
        // Whole frames that need no scanner are looked at once.
        self.visited + self.scan.visited() + (self.offset - self.scanned)
    }

    /// Keeps bytes for a later [`next`](Self::next) with an empty input.
    pub fn stash(&mut self, input: &[u8]) {
        self.need = 0;
        self.append(input);
    }

    pub(super) fn append(&mut self, input: &[u8]) {
        self.compact();
        self.pending.extend_from_slice(input);
    }

    /// Frees memory that nothing needs while the device is silent.
    pub fn rest_memory(&mut self) {
        if self.pending().is_empty() {
            self.pending = Vec::new();
            self.head = 0;
        }
        if !self.in_pieces() {
            self.stream = None;
        }
    }

    /// The next frame, or `None` when more bytes are needed. `input` is the
    /// chunk and moves on; call again until `None`, then with the next chunk.
    ///
    /// The frame lies in the chunk, in the deframer or, if it held escapes, in
    /// `scratch`.
    #[inline(always)]
    pub fn next<'d, 'i: 'd>(
        &'d mut self,
        input: &mut &'i [u8],
        scratch: &'d mut Vec<u8>,
    ) -> Option<Item<'d>> {
        if P::Scan::WHOLE
            && let Some(marks) = const { Marks::of(P::KINDS) }
            && self.head == self.pending.len()
            && let Some((first, inner)) = input.split_first()
            && *first == marks.flag
        {
            // Only what most frames are is spelt out here.
            match marks.whole::<P>(inner, scratch) {
                Whole::Clean { wire, payload, rest } => {
                    return Some(self.take_whole(wire, payload, rest, input));
                }
                Whole::Escaped { wire, rest } => return Some(self.take_whole(wire, scratch, rest, input)),
                Whole::Not { looked, escaped } => self.scan.looked(looked, escaped),
            }
        }
        if P::Scan::FRONT && self.head == self.pending.len() {
            if input.is_empty() {
                return None;
            }
            match self.scan.front(input) {
                Front::Frame(size) => return self.take_front(size, input),
                Front::Need(more) => {
                    self.keep_front(more, input);
                    return None;
                }
                Front::Other => {}
            }
        } else if self.keeps(input) {
            return None;
        }
        self.next_in_pieces(input, scratch)
    }

    /// The next frame, whatever was seen of it before.
    #[inline(never)]
    fn next_in_pieces<'d, 'i: 'd>(
        &'d mut self,
        input: &mut &'i [u8],
        scratch: &'d mut Vec<u8>,
    ) -> Option<Item<'d>> {
        if const { streams::<P>() } {
            return self.next_or_piece(input, scratch);
        }
        let (step, in_place) = self.step(input)?;
        self.hand_out(step, in_place.then_some(input), scratch)
    }

    /// The next frame or the next piece of the one at hand.
    fn next_or_piece<'d, 'i: 'd>(
        &'d mut self,
        input: &mut &'i [u8],
        scratch: &'d mut Vec<u8>,
    ) -> Option<Item<'d>> {
        if !self.in_pieces() {
            self.stream = None;
            let (step, in_place) = self.step(input)?;
            let front = if in_place { Some(&mut *input) } else { None };
            if !self.begins_stream(step, front) {
                return self.hand_out(step, in_place.then_some(input), scratch);
            }
        }
        let stream = self.stream.as_deref_mut()?;
        let kept = stream.take(self.pending.get(self.head..).unwrap_or(&[]));
        self.head += kept;
        let (now, later) = input.split_at(stream.take(input));
        *input = later;
        self.offset += (kept + now.len()) as u64;
        self.scanned += (kept + now.len()) as u64;
        Self::of_stream(&mut self.scan, stream.item(self.offset)?)
    }

    /// Takes the beginning of a frame whose payload is handed out in pieces, if that is
    /// what was found.
    fn begins_stream(&mut self, step: Step, input: Option<&mut &[u8]>) -> bool {
        let Step::Frame { next, .. } = step else { return false };
        let Some(split) = self.scan.split() else { return false };
        let kind = self.scan.kind();
        let front = input.as_deref().copied().unwrap_or_else(|| self.pending());
        let head = front.get(..next).unwrap_or(&[]);
        let kind = (kind, kind_at::<P>(kind));
        self.stream = Streaming::begin(kind, (head, split), self.offset, self.accept_bad);
        self.advance(next);
        match input {
            Some(input) => *input = input.get(next..).unwrap_or(&[]),
            None => self.head += next,
        }
        true
    }

    /// An item of a frame in pieces. One that is bad ends the connection where any does.
    fn of_stream<'d>(scan: &mut P::Scan, item: Item<'d>) -> Option<Item<'d>> {
        Some(match item {
            Item::Bad(bad) => Item::Bad(Bad { fatal: scan.broke(), ..bad }),
            item => item,
        })
    }

    /// The item of a step at the front of the input or of what is pending.
    #[inline]
    fn hand_out<'d, 'i: 'd>(
        &'d mut self,
        step: Step,
        input: Option<&mut &'i [u8]>,
        scratch: &'d mut Vec<u8>,
    ) -> Option<Item<'d>> {
        let offset = self.offset;
        let mut step = step;
        if let Step::Frame { start, end, next } = step {
            let kind = kind_at::<P>(self.scan.kind());
            let pending = self.pending.get(self.head..).unwrap_or(&[]);
            let front = input.as_deref().copied().unwrap_or(pending).get(..next)?;
            if matches!(kind.framing, Framing::Delimited { .. })
                && let Some(len) = another(&mut self.scan, kind, front, (start, end), scratch)
            {
                // The scanner goes on there.
                let error = Error::new(ErrorKind::Short, len as u32, &FRAME);
                step = Step::Bad { error, len, fatal: false };
            }
        }
        let next = match step {
            Step::Frame { next, .. } => next,
            Step::Bad { len, .. } => len,
            Step::Need(_) | Step::Skip(_) => return None,
        };
        self.advance(next);
        let wire: &'d [u8] = match input {
            Some(input) => {
                let (wire, rest) = input.split_at_checked(next)?;
                *input = rest;
                wire
            }
            None => {
                let from = self.head;
                self.head += next;
                self.pending.get(from..self.head)?
            }
        };
        Some(match step {
            Step::Frame { start, end, .. } => {
                let (clean, verified) = (self.scan.clean(), self.scan.verified());
                let kind = self.scan.kind();
                let found = Found { wire, inner: wire.get(start..end)?, offset, clean, verified, kind };
                found
                    .as_it_is::<P>(self.accept_bad)
                    .unwrap_or_else(|| Self::open(found, self.accept_bad, scratch))
            }
            Step::Bad { error, fatal, .. } => Item::Bad(Bad { error, wire, offset, fatal }),
            Step::Need(_) | Step::Skip(_) => return None,
        })
    }

    /// Scans until there is an item: where it is and whether it lies in the
    /// input. Moves incomplete bytes to `pending`.
    fn step(&mut self, input: &mut &[u8]) -> Option<(Step, bool)> {
        if core::mem::take(&mut self.need) > 0 && !input.is_empty() && !self.pending().is_empty() {
            // What is kept was looked at, and tells no more.
            self.append_wanted(input);
        }
        loop {
            if self.pending().is_empty() {
                match self.scan.scan(input) {
                    Step::Skip(len) => {
                        *input = input.get(len..).unwrap_or(&[]);
                        self.advance(len);
                    }
                    Step::Need(more) => {
                        self.append(input);
                        self.need = u32::try_from(more).unwrap_or(0);
                        *input = &[];
                        return None;
                    }
                    step => return Some((step, true)),
                }
                continue;
            }
            match self.scan.scan(self.pending.get(self.head..).unwrap_or(&[])) {
                Step::Skip(len) => {
                    self.head += len;
                    self.advance(len);
                }
                Step::Need(more) if input.is_empty() => {
                    self.need = u32::try_from(more).unwrap_or(0);
                    return None;
                }
                Step::Need(_) => self.append_wanted(input),
                step => return Some((step, false)),
            }
        }
    }

    /// Keeps as much of the input, which is not empty, as the frame at hand wants.
    fn append_wanted(&mut self, input: &mut &[u8]) {
        let have = self.pending().len();
        let take = self.scan.want(have, input).clamp(1, input.len());
        let (now, later) = input.split_at(take);
        self.append(now);
        *input = later;
    }

    /// Moves on over bytes that the scanner told what they are.
    #[inline]
    pub(super) fn advance(&mut self, bytes: usize) {
        self.offset += bytes as u64;
        self.scanned += bytes as u64;
    }

    /// Drops what is dealt with when that is cheap.
    fn compact(&mut self) {
        if self.head == self.pending.len() {
            self.pending.clear();
            self.head = 0;
        } else if self.head > self.pending.len() / 2 {
            self.pending.drain(..self.head);
            self.head = 0;
        }
    }

    /// What is left when no more bytes will come, as at the end of a datagram:
    /// bytes that are no whole frame, and frames among them. Call it until
    /// `None`; what comes then is a new stream.
    ///
    /// ```
    /// # #[cfg(feature = "derive")] {
    /// use exproto_runtime::codec::{Deframer, ErrorKind, Item};
    /// use exproto_runtime::ExProtoFrame;
    ///
    /// #[derive(ExProtoFrame)]
    /// #[frame]
    /// #[wire(endian = big)]
    /// struct Reading { value: u16 }
    ///
    /// let mut deframer = Deframer::<Reading>::new();
    /// let (mut input, mut scratch) = (&[0, 7, 1][..], Vec::new());
    /// assert!(matches!(deframer.next(&mut input, &mut scratch), Some(Item::Frame(_))));
    /// assert!(deframer.next(&mut input, &mut scratch).is_none());
    /// let Some(Item::Bad(bad)) = deframer.finish(&mut scratch) else { panic!() };
    /// assert_eq!((bad.error.kind(), bad.wire), (ErrorKind::Short, &[1][..]));
    /// # }
    /// ```
    pub fn finish<'d>(&'d mut self, scratch: &'d mut Vec<u8>) -> Option<Item<'d>> {
        self.need = 0;
        if const { streams::<P>() } && self.in_pieces() {
            return self.finish_stream();
        }
        let step = loop {
            match self.scan.finish(self.pending.get(self.head..).unwrap_or(&[])) {
                Step::Skip(len) => {
                    self.head += len;
                    self.advance(len);
                }
                Step::Need(_) => {
                    self.stream = None;
                    self.advance(self.pending().len());
                    self.pending.clear();
                    self.head = 0;
                    let visited = self.scan.visited();
                    self.scan = P::scanner(self.ctx);
                    self.scan.accept_bad(self.accept_bad);
                    self.scan.read_as(self.role);
                    self.visited += visited;
                    return None;
                }
                step => break step,
            }
        };
        if const { streams::<P>() } && self.begins_stream(step, None) {
            return self.finish_stream();
        }
        self.hand_out(step, None, scratch)
    }

    /// The rest of a frame in pieces of which nothing more will come.
    fn finish_stream(&mut self) -> Option<Item<'_>> {
        let stream = self.stream.as_deref_mut()?;
        let kept = stream.take(self.pending.get(self.head..).unwrap_or(&[]));
        self.head += kept;
        self.offset += kept as u64;
        self.scanned += kept as u64;
        let item =
            if stream.is_whole() { stream.item(self.offset)? } else { stream.cut_short(self.offset)? };
        Self::of_stream(&mut self.scan, item)
    }

    /// After [`finish`](Self::finish), where it was silence that ended a frame
    /// and not the stream: the next one is not the first.
    pub fn go_on(&mut self) {
        self.need = 0;
        self.scan.go_on();
    }

    /// Whether a frame may be whole that waits for what follows it, see
    /// [`pause`](Self::pause).
    #[must_use]
    pub fn may_pause(&self) -> bool {
        !self.pending().is_empty() && self.scan.may_pause()
    }

    /// The frame that waits for [what follows it](crate::doc::frame#followed),
    /// taken for whole because nothing has come for a while. More may come
    /// later, also of a frame that was not whole. Or a sound frame within bytes
    /// that [wait for more](crate::doc::frame#what-waits): what stands before it
    /// is a bad item.
    ///
    /// ```
    /// # #[cfg(feature = "derive")] {
    /// use exproto_runtime::codec::{Deframer, Item};
    /// use exproto_runtime::ExProtoFrame;
    ///
    /// #[derive(ExProtoFrame, Debug, PartialEq)]
    /// #[frame(one_of)]
    /// enum Port { #[frame(followed)] Short(Short), Long(Long) }
    ///
    /// #[derive(ExProtoFrame, Debug, PartialEq)]
    /// #[frame]
    /// struct Short { #[wire(before(b"$"))] value: u8 }
    ///
    /// #[derive(ExProtoFrame, Debug, PartialEq)]
    /// #[frame]
    /// struct Long { #[wire(before(b"$"))] values: [u8; 2] }
    ///
    /// let (mut deframer, mut scratch) = (Deframer::<Port>::new(), Vec::new());
    /// let mut input = &b"$\x01"[..];
    /// assert!(deframer.next(&mut input, &mut scratch).is_none());
    /// let Some(Item::Frame(raw)) = deframer.pause(&mut scratch) else { panic!() };
    /// assert_eq!(raw.decode::<Port>().unwrap().frame, Port::Short(Short { value: 1 }));
    /// # }
    /// ```
    pub fn pause<'d>(&'d mut self, scratch: &'d mut Vec<u8>) -> Option<Item<'d>> {
        self.need = 0;
        let step = loop {
            if self.pending().is_empty() {
                return None;
            }
            match self.scan.pause(self.pending.get(self.head..).unwrap_or(&[])) {
                Step::Need(_) => return None,
                Step::Skip(len) => {
                    self.head += len;
                    self.advance(len);
                }
                step => break step,
            }
        };
        self.hand_out(step, None, scratch)
    }
}
