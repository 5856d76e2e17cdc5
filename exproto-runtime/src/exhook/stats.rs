//! What a provider counts, for each hook.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use super::hook::Hook;
use crate::metrics::Escaped;

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $help:literal;)*) => {
        /// What has happened to a hook since the provider was made.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct HookStats {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl HookStats {
            const FAMILIES: &'static [(&'static str, &'static str, fn(&Self) -> u64)] = &[
                $(($text, $help, |stats: &Self| stats.$name),)*
            ];
        }

        // A hook's counters have cache lines of their own.
        #[derive(Debug, Default)]
        #[repr(align(128))]
        pub(crate) struct HookCounters {
            $(pub(crate) $name: Counter,)*
        }

        impl HookCounters {
            fn read(&self) -> HookStats {
                HookStats { $($name: self.$name.0.load(Ordering::Relaxed),)* }
            }
        }
    };
}

counts! {
    /// Calls of EMQX.
    calls = "calls", "Calls of EMQX.";
    /// Answers "allow", "pass" and "replace" that were decided.
    allowed = "allowed", "Answers that allow, or change a message.";
    /// Answers "deny" and "drop".
    denied = "denied", "Answers that deny, or drop a message.";
    /// Answers "ignore" and "pass".
    ignored = "ignored", "Answers that leave it to others.";
    /// Calls that the user's code was too slow for.
    late = "late", "Calls that the user's code was too slow for.";
    /// Errors that the user's code returned, or answers that cannot be given.
    errors = "errors", "Errors of the user's code.";
    /// Panics in the user's code.
    panics = "panics", "Panics in the user's code.";
    /// Calls not given to the user's code because too many were under way.
    overload = "overload", "Calls not given to the user's code because too many were under way.";
    /// Events dropped because a queue was full.
    dropped = "events_dropped", "Events dropped because a queue was full.";
    /// Calls that told again what had been told.
    duplicates = "duplicates", "Calls that told again what had been told.";
    /// Calls that nobody here had asked for: EMQX loaded another program.
    unregistered = "unregistered", "Calls for a hook or topic that is not registered.";
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn up(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// The counters of all hooks.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    hooks: [HookCounters; Hook::COUNT],
    loaded: HookCounters,
}

impl Counters {
    /// The counters of a hook; `None` stands for loading and unloading.
    pub(crate) fn of(&self, hook: Option<Hook>) -> &HookCounters {
        hook.and_then(|hook| self.hooks.get(hook as usize)).unwrap_or(&self.loaded)
    }

    pub(crate) fn read(&self, hook: Hook) -> HookStats {
        self.of(Some(hook)).read()
    }

    pub(crate) fn read_loading(&self) -> HookStats {
        self.loaded.read()
    }

    pub(crate) fn write_open_metrics(&self, out: &mut String, provider: &str, waiting: usize) {
        let provider = Escaped(provider);
        let rows: Vec<_> = Hook::ALL.iter().map(|hook| (hook.name(), self.read(*hook))).collect();
        for (name, help, get) in HookStats::FAMILIES {
            // Writing to a `String` cannot fail.
            let _ =
                write!(out, "# HELP exproto_exhook_{name} {help}\n# TYPE exproto_exhook_{name} counter\n");
            for (hook, stats) in &rows {
                let _ = writeln!(
                    out,
                    "exproto_exhook_{name}_total{{provider=\"{provider}\",hook=\"{hook}\"}} {}",
                    get(stats)
                );
            }
        }
        let _ = write!(
            out,
            "# HELP exproto_exhook_events_waiting Events that wait or are being worked off.\n\
             # TYPE exproto_exhook_events_waiting gauge\n\
             exproto_exhook_events_waiting{{provider=\"{provider}\"}} {waiting}\n"
        );
    }
}
