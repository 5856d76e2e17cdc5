//! `simulate`: devices that speak the declared protocol from their side.
//!
//! What a device says is a script of the user, a [`Device`]; connecting,
//! pacing, decoding and counting are done here.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{debug, warn};

use crate::codec::{self, Deframer, Item, Protocol, Random, RawFrame, Role};

/// What a simulated device says and does.
///
/// # Examples
///
/// ```
/// use exproto_runtime::app::{Device, Random, Sender};
/// # mod toy { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/toy/mod.rs")); }
/// # use toy::Toy;
///
/// struct Thermometer {
///     id: u16,
///     serial: u8,
/// }
///
/// impl Device<Toy<'static>> for Thermometer {
///     fn new(number: u32, _: &mut Random) -> Self {
///         Self { id: number as u16, serial: 0 }
///     }
///
///     fn start(&mut self, out: &mut Sender<'_, Toy<'static>>) {
///         out.send(&Toy::Hello { id: self.id, key: b"secret" });
///     }
///
///     fn received(&mut self, frame: &Toy<'_>, out: &mut Sender<'_, Toy<'static>>) {
///         match frame {
///             Toy::Welcome { .. } => out.ready(),
///             other => out.failed(&format!("unexpected {other:?}")),
///         }
///     }
///
///     fn tick(&mut self, random: &mut Random, out: &mut Sender<'_, Toy<'static>>) {
///         self.serial = self.serial.wrapping_add(1);
///         out.send(&Toy::Reading { serial: self.serial, value: random.within(0..=400) });
///     }
/// }
/// ```
pub trait Device<G: Protocol>: Send + 'static {
    /// The device of this number, from 1. It is made once and lives through
    /// reconnects.
    fn new(number: u32, random: &mut Random) -> Self;

    /// The connection is made: says hello.
    fn start(&mut self, out: &mut Sender<'_, G>);

    /// A frame came from the gateway.
    fn received(&mut self, frame: &G::At<'_>, out: &mut Sender<'_, G>);

    /// What decides the layout of the device's frames now, in both directions,
    /// where the frame [takes a context](crate::doc::wire#ctx).
    fn ctx(&self) -> Option<G::Ctx> {
        None
    }

    /// Time for a report: called at the rate of the command line once
    /// [`Sender::ready`] was called.
    fn tick(&mut self, random: &mut Random, out: &mut Sender<'_, G>);
}

/// Where a frame takes a context and the device gives none.
const NO_CTX: &str = "the frame takes a context: implement `Device::ctx`";

/// The context of a device: the empty one needs no saying.
fn ctx_of<G: Protocol + 'static, D: Device<G>>(device: &D) -> Option<G::Ctx> {
    let empty: &dyn Any = &();
    device.ctx().or_else(|| empty.downcast_ref::<G::Ctx>().copied())
}

/// What a simulated device can do.
pub struct Sender<'o, G: Protocol> {
    bytes: &'o mut Vec<u8>,
    counts: &'o Counts,
    ready: &'o mut bool,
    leaving: &'o mut bool,
    ctx: Option<G::Ctx>,
}

impl<G: Protocol> fmt::Debug for Sender<'_, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}

impl<G: Protocol> Sender<'_, G> {
    /// Sends a frame. One that cannot be encoded counts as an error.
    pub fn send(&mut self, frame: &G::At<'_>) {
        let Some(ctx) = self.ctx else { return self.failed(NO_CTX) };
        match codec::encode_with::<G>(frame, ctx, self.bytes) {
            Ok(()) => count(&self.counts.sent),
            Err(error) => self.failed(&format!("a frame of the script cannot be encoded: {error}")),
        }
    }

    /// What decides the layout of the frames that are sent by this sender from
    /// now on: what [`Device::ctx`] said before it was handed out.
    pub fn set_ctx(&mut self, ctx: G::Ctx) {
        self.ctx = Some(ctx);
    }

    /// The device is logged in; reports begin.
    pub fn ready(&mut self) {
        *self.ready = true;
    }

    /// Something is not as it should be: counts as an error.
    pub fn failed(&mut self, what: &str) {
        self.counts.error(what);
    }

    /// Ends the connection for good when everything is sent.
    pub fn leave(&mut self) {
        *self.leaving = true;
    }
}

/// How often a device reports: `1/s`, `6/m`, `0.5/h`; a bare number is per
/// second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    every: Duration,
}

impl Rate {
    /// One report each time this time has passed.
    #[must_use]
    pub const fn every(time: Duration) -> Self {
        Self { every: time }
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (count, unit) = text.split_once('/').unwrap_or((text, "s"));
        let unit = match unit {
            "s" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            _ => return Err(format!("`{unit}` is no unit of time: use `/s`, `/m` or `/h`")),
        };
        let count: f64 = count.parse().map_err(|_| format!("`{count}` is no number"))?;
        match Duration::try_from_secs_f64(unit / count) {
            Ok(every) if count > 0.0 && !every.is_zero() => Ok(Self { every }),
            _ => Err(format!("`{text}` is no rate: use something like `1/s` or `6/m`")),
        }
    }
}

/// How many devices do what.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SimulateOptions {
    /// The number of devices.
    pub devices: u32,
    /// How often each reports.
    pub rate: Rate,
    /// Where the gateway listens.
    pub connect: SocketAddr,
    /// How many devices begin to connect in a second.
    pub ramp: u32,
    /// Decides about all random numbers.
    pub seed: u64,
}

impl SimulateOptions {
    /// One device that reports each second.
    #[must_use]
    pub fn new(connect: SocketAddr) -> Self {
        Self { devices: 1, rate: Rate::every(Duration::from_secs(1)), connect, ramp: 500, seed: 1 }
    }
}

/// What the devices have done so far.
#[derive(Debug, Default)]
pub struct Counts {
    connected: AtomicU64,
    ready: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
    reconnects: AtomicU64,
    errors: AtomicU64,
}

/// [`Counts`] at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// Devices that are connected.
    pub connected: u64,
    /// Devices that are logged in.
    pub ready: u64,
    /// Frames sent.
    pub sent: u64,
    /// Frames received.
    pub received: u64,
    /// Connections that were made again.
    pub reconnects: u64,
    /// Failed connections, frames that could not be read, what scripts
    /// reported.
    pub errors: u64,
}

/// Errors that are reported one by one; further ones are counted only.
const REPORTED: u64 = 10;

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Counts {
    /// The counts now.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Totals {
            connected: read(&self.connected),
            ready: read(&self.ready),
            sent: read(&self.sent),
            received: read(&self.received),
            reconnects: read(&self.reconnects),
            errors: read(&self.errors),
        }
    }

    fn error(&self, what: &str) {
        let before = self.errors.fetch_add(1, Ordering::Relaxed);
        if before < REPORTED {
            warn!("{what}");
        } else if before == REPORTED {
            warn!("further errors are counted only");
        }
    }
}

/// Runs the devices until `stop` becomes true, and lets them finish.
pub async fn simulate<G: Protocol + 'static, D: Device<G>>(
    options: SimulateOptions,
    counts: Arc<Counts>,
    stop: watch::Receiver<bool>,
) {
    let mut devices = tokio::task::JoinSet::new();
    let mut seeds = Random::new(options.seed);
    let step = Duration::from_secs(1) / options.ramp.max(1);
    let start = Instant::now();
    let mut stopped = stop.clone();
    for number in 0..options.devices {
        tokio::select! {
            biased;
            _ = stopped.wait_for(|stop| *stop) => break,
            () = sleep_until(start + step * number) => {}
        }
        let random = Random::new(seeds.bits());
        let run: Run<G, D> = Run {
            device: None,
            random,
            number: number + 1,
            options: options.clone(),
            counts: Arc::clone(&counts),
            gateway: PhantomData,
        };
        devices.spawn(run.live(stop.clone()));
    }
    while let Some(ended) = devices.join_next().await {
        if let Err(error) = ended {
            counts.error(&format!("the script of a device panicked: {error}"));
        }
    }
}

struct Run<G, D> {
    device: Option<D>,
    random: Random,
    number: u32,
    options: SimulateOptions,
    counts: Arc<Counts>,
    gateway: PhantomData<fn() -> G>,
}

/// How a connection of a simulated device ended.
enum Left {
    /// As the script or the user wanted.
    Wanted,
    /// By the gateway or the network.
    Cut(String),
}

/// Counts one more as long as it lives.
struct Gauge<'c>(&'c AtomicU64);

impl<'c> Gauge<'c> {
    fn up(counter: &'c AtomicU64) -> Self {
        count(counter);
        Self(counter)
    }
}

impl Drop for Gauge<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What all devices of a thread share.
#[derive(Default)]
struct Shared {
    read: Vec<u8>,
    scratch: Vec<u8>,
}

thread_local! {
    static SHARED: RefCell<Shared> = RefCell::default();
}

/// Bytes read at once.
const CHUNK: usize = 4096;
/// The waits between attempts to connect.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// How long an attempt to connect may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long the last replies are waited for.
const LINGER: Duration = Duration::from_secs(5);

impl<G: Protocol + 'static, D: Device<G>> Run<G, D> {
    async fn live(mut self, mut stop: watch::Receiver<bool>) {
        let mut wait = BACK_OFF.0;
        loop {
            let began = Instant::now();
            let connected = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                connected = timeout(CONNECT, TcpStream::connect(self.options.connect)) => connected,
            };
            let left = match connected {
                Ok(Ok(stream)) => self.talk(stream, &mut stop).await,
                Ok(Err(error)) => Left::Cut(format!("cannot connect to {}: {error}", self.options.connect)),
                Err(_) => Left::Cut(format!("cannot connect to {} in time", self.options.connect)),
            };
            match left {
                Left::Wanted => return,
                Left::Cut(why) => self.counts.error(&format!("device {}: {why}", self.number)),
            }
            if began.elapsed() > BACK_OFF.1 {
                wait = BACK_OFF.0;
            }
            // Not all at the same moment.
            let pause = wait.mul_f64(0.5 + self.random.fraction());
            wait = (wait * 2).min(BACK_OFF.1);
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                () = sleep(pause) => count(&self.counts.reconnects),
            }
        }
    }

    /// One connection from its beginning to its end.
    async fn talk(&mut self, mut stream: TcpStream, stop: &mut watch::Receiver<bool>) -> Left {
        let counts = Arc::clone(&self.counts);
        let _connected = Gauge::up(&counts.connected);
        let mut logged_in = None;
        if let Err(error) = stream.set_nodelay(true) {
            return Left::Cut(error.to_string());
        }
        let mut unsent = Vec::new();
        let (mut ready, mut leaving) = (false, false);
        let mut give_up = None;
        let mut device = match self.device.take() {
            Some(device) => device,
            None => D::new(self.number, &mut self.random),
        };
        let Some(ctx) = ctx_of::<G, D>(&device) else { return Left::Cut(NO_CTX.into()) };
        let mut deframer = Deframer::<G>::with_ctx(ctx).read_as(Role::Device);
        let every = self.options.rate.every;
        // Devices that are ready at the same time do not report at the same time.
        let mut next = Instant::now() + every.mul_f64(self.random.fraction());
        macro_rules! sender {
            ($ctx:expr) => {
                &mut Sender {
                    bytes: &mut unsent,
                    counts: &counts,
                    ready: &mut ready,
                    leaving: &mut leaving,
                    ctx: $ctx,
                }
            };
        }
        device.start(sender!(Some(ctx)));
        let left = loop {
            if ready && logged_in.is_none() {
                logged_in = Some(Gauge::up(&counts.ready));
                next = Instant::now() + every.mul_f64(self.random.fraction());
            }
            if let Err(error) = flush(&stream, &mut unsent) {
                break Left::Cut(error.to_string());
            }
            if leaving && unsent.is_empty() {
                break Left::Wanted;
            }
            if leaving && give_up.is_none() {
                give_up = Some(Instant::now() + LINGER);
            }
            let readable = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop), if !leaving => {
                    leaving = true;
                    Ok(false)
                }
                readable = stream.readable() => readable.map(|()| true),
                writable = stream.writable(), if !unsent.is_empty() => writable.map(|()| false),
                // No report while the gateway does not take the last one.
                () = sleep_until(give_up.unwrap_or(next)), if leaving => {
                    break Left::Cut("the gateway did not take what was sent before the end".into());
                }
                () = sleep_until(next), if ready && unsent.is_empty() => {
                    let ctx = ctx_of::<G, D>(&device);
                    device.tick(&mut self.random, sender!(ctx));
                    next = (next + every).max(Instant::now());
                    Ok(false)
                }
            };
            match readable {
                Err(error) => break Left::Cut(error.to_string()),
                Ok(false) => {}
                Ok(true) => match receive::<G>(&stream, &mut deframer, &counts, &mut |raw| {
                    let ctx = ctx_of::<G, D>(&device);
                    hand_over::<G, D>(raw, &counts, &mut device, sender!(ctx));
                    ctx_of::<G, D>(&device)
                }) {
                    Ok(true) => {}
                    Ok(false) if leaving => break Left::Wanted,
                    Ok(false) => break Left::Cut("the gateway closed the connection".into()),
                    Err(error) => break Left::Cut(error.to_string()),
                },
            }
        };
        if matches!(left, Left::Wanted) {
            let rest = last_replies(&mut stream, &mut deframer, &counts, |raw| {
                let ctx = ctx_of::<G, D>(&device);
                hand_over::<G, D>(raw, &counts, &mut device, sender!(ctx));
                ctx_of::<G, D>(&device)
            });
            if timeout(LINGER, rest).await.is_err() {
                debug!(device = self.number, "the gateway did not close the connection");
            }
        }
        self.device = Some(device);
        left
    }
}

/// Says that nothing more comes and takes what still does.
async fn last_replies<G: Protocol>(
    stream: &mut TcpStream,
    deframer: &mut Deframer<G>,
    counts: &Counts,
    mut received: impl FnMut(&RawFrame<'_>) -> Option<G::Ctx> + Send,
) {
    if stream.shutdown().await.is_err() {
        return;
    }
    while stream.readable().await.is_ok() {
        match receive::<G>(stream, deframer, counts, &mut received) {
            Ok(true) => {}
            Ok(false) | Err(_) => return,
        }
    }
}

/// Sends what the socket has room for.
fn flush(stream: &TcpStream, unsent: &mut Vec<u8>) -> io::Result<()> {
    while !unsent.is_empty() {
        match stream.try_write(unsent) {
            Ok(length) if length == unsent.len() => *unsent = Vec::new(),
            Ok(length) => drop(unsent.drain(..length)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn no_frame(counts: &Counts, error: codec::Error) {
    counts.error(&format!("the gateway sent what is no frame: {error}"));
}

/// Gives a frame of the gateway to the device.
fn hand_over<G: Protocol, D: Device<G>>(
    raw: &RawFrame<'_>,
    counts: &Counts,
    device: &mut D,
    sender: &mut Sender<'_, G>,
) {
    let Some(ctx) = sender.ctx else { return counts.error(NO_CTX) };
    match raw.as_sent::<G>(ctx).decode_with::<G>(ctx) {
        Ok(received) => {
            count(&counts.received);
            device.received(&received.frame, sender);
        }
        Err(error) => no_frame(counts, error),
    }
}

/// Reads a chunk; `false` at the end of the stream. A frame that was received
/// may change what decides the layout of the next.
fn receive<G: Protocol>(
    stream: &TcpStream,
    deframer: &mut Deframer<G>,
    counts: &Counts,
    received: &mut dyn FnMut(&RawFrame<'_>) -> Option<G::Ctx>,
) -> io::Result<bool> {
    SHARED.with_borrow_mut(|Shared { read, scratch }| {
        read.resize(CHUNK, 0);
        let length = match stream.try_read(read) {
            Ok(0) => return Ok(false),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
            Err(error) => return Err(error),
        };
        let mut input = read.get(..length).unwrap_or(&[]);
        while let Some(item) = deframer.next(&mut input, scratch) {
            let learnt = match &item {
                Item::Frame(raw) => received(raw),
                Item::Bad(bad) => {
                    no_frame(counts, bad.error);
                    None
                }
            };
            if let (Some(ctx), true) = (learnt, size_of::<G::Ctx>() != 0) {
                deframer.set_ctx(ctx);
            }
        }
        deframer.rest_memory();
        Ok(true)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn rates_are_per_second_minute_or_hour() {
        let every = |text: &str| text.parse::<Rate>().unwrap().every;
        assert_eq!(every("1/s"), Duration::from_secs(1));
        assert_eq!(every("4"), Duration::from_millis(250));
        assert_eq!(every("6/m"), Duration::from_secs(10));
        assert_eq!(every("0.5/h"), Duration::from_secs(7200));
        for bad in ["", "0/s", "-1/s", "1/d", "x", "nan", "inf/s", "1e300/s"] {
            assert!(bad.parse::<Rate>().is_err(), "{bad}");
        }
    }
}
