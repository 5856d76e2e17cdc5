//! What is logged of devices: a span for each connection, and samples of what was odd.
//!
//! A device that is not logged in may send its password in anything, so none of its
//! bytes are shown.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::{Span, field, info, info_span};

use crate::session::{ConnInfo, Report};

/// Reports that are shown in each [`WINDOW`], of all connections of the process.
const SHOWN: u32 = 20;
const WINDOW: Duration = Duration::from_secs(1);

/// What everything that is said of a connection stands in.
pub(crate) fn span(info: &ConnInfo) -> Span {
    info_span!("connection", listener = %info.listener, peer = %info.peer, client_id = field::Empty)
}

/// The device has logged in: its connection's span says as whom.
pub(crate) fn logged_in(client_id: &str) {
    Span::current().record("client_id", client_id);
}

/// Shows what was odd about a connection, if not too much is shown already. `member`:
/// the device is logged in, or need not be.
pub(crate) fn report(report: Report, member: bool) {
    static SAMPLES: Samples = Samples::new();
    let Some(hidden) = SAMPLES.take(Instant::now()) else { return };
    if hidden > 0 {
        info!(hidden, "more was odd than is shown");
    }
    let report = if member { report } else { report.without_bytes() };
    info!("{report}");
}

/// Lets so many through in each window, and counts the others.
struct Samples(Mutex<Window>);

struct Window {
    since: Option<Instant>,
    shown: u32,
    hidden: u64,
}

impl Samples {
    const fn new() -> Self {
        Self(Mutex::new(Window { since: None, shown: 0, hidden: 0 }))
    }

    /// Whether one may be shown, and how many were not since the last window.
    fn take(&self, now: Instant) -> Option<u64> {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over = window.since.is_none_or(|since| now.saturating_duration_since(since) >= WINDOW);
        if over {
            let hidden = window.hidden;
            *window = Window { since: Some(now), shown: 1, hidden: 0 };
            return Some(hidden);
        }
        if window.shown >= SHOWN {
            window.hidden = window.hidden.saturating_add(1);
            return None;
        }
        window.shown += 1;
        Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_shown_and_the_others_counted() {
        let samples = Samples::new();
        let start = Instant::now();
        for second in 0..3_u64 {
            let now = start + WINDOW * u32::try_from(second).unwrap_or(0);
            let before = if second == 0 { 0 } else { 80 };
            assert_eq!(samples.take(now), Some(before));
            let rest = (1..100).filter_map(|_| samples.take(now + WINDOW / 2)).collect::<Vec<_>>();
            assert_eq!(rest, vec![0; SHOWN as usize - 1]);
        }
    }

    #[test]
    fn bytes_can_be_left_away() {
        use crate::codec::{Error, ErrorKind, FieldInfo};
        static FIELD: FieldInfo = FieldInfo::new("Login", "password");
        let error = Error::new(ErrorKind::Short, 3, &FIELD);
        let report = Report::BadFrame { hex: "736563".into(), len: 3, at: 7, error };
        let open = report.to_string();
        let closed = report.without_bytes().to_string();
        assert!(
            open.starts_with("bad frame of 3 bytes at 7 of the stream: ") && open.ends_with(": 736563"),
            "{open}"
        );
        assert_eq!(open.strip_suffix(": 736563"), Some(&*closed));
    }
}
