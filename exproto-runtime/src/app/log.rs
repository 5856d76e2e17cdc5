//! What the program logs, as lines for people or as JSON.

use std::fmt::{self, Write as _};
use std::io::IsTerminal;

use serde_core::Serialize;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Logs to standard error, which leaves standard output to what was asked for.
pub(super) fn start(verbose: u8, format: LogFormat) {
    let level = match verbose {
        0 => "warn,exproto_runtime=info",
        1 => "info,exproto_runtime=debug",
        _ => "debug,exproto_runtime=trace",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A program that has a logger of its own keeps it.
    let _ = match format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => log.with_ansi(false).fmt_fields(JsonFields).event_format(Json).try_init(),
    };
}

/// A line of the log as a JSON object: `timestamp`, `level`, `target`, the event's fields
/// with its text as `message`, and under `span` those of the spans around it, the innermost
/// last.
struct Json;

/// The fields of a span as the inside of a JSON object.
struct JsonFields;

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        writer.write_str("{\"timestamp\":\"")?;
        SystemTime.format_time(&mut writer)?;
        let meta = event.metadata();
        write!(writer, "\",\"level\":\"{}\",\"target\":", meta.level())?;
        write_json(&mut writer, &meta.target())?;
        let mut fields = String::new();
        event.record(&mut Members(&mut fields));
        if !fields.is_empty() {
            write!(writer, ",{fields}")?;
        }
        let mut spans = String::new();
        for span in context.event_scope().into_iter().flat_map(|scope| scope.from_root()) {
            let extensions = span.extensions();
            if let Some(fields) = extensions.get::<FormattedFields<N>>()
                && !fields.fields.is_empty()
            {
                let comma = if spans.is_empty() { "" } else { "," };
                write!(spans, "{comma}{}", fields.fields)?;
            }
        }
        if !spans.is_empty() {
            write!(writer, ",\"span\":{{{spans}}}")?;
        }
        writer.write_str("}\n")
    }
}

impl<'w> FormatFields<'w> for JsonFields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut text = String::new();
        fields.record(&mut Members(&mut text));
        writer.write_str(&text)
    }

    fn add_fields(
        &self,
        current: &'w mut FormattedFields<Self>,
        fields: &tracing::span::Record<'_>,
    ) -> fmt::Result {
        let mut text = String::new();
        fields.record(&mut Members(&mut text));
        if !current.fields.is_empty() && !text.is_empty() {
            current.fields.push(',');
        }
        current.fields.push_str(&text);
        Ok(())
    }
}

/// Members of an object.
struct Members<'t>(&'t mut String);

impl Members<'_> {
    fn add(&mut self, field: &Field, value: &(impl Serialize + ?Sized)) {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        // Writing to a `String` cannot fail.
        let _ = write_json(self.0, &field.name());
        self.0.push(':');
        let _ = write_json(self.0, value);
    }
}

impl Visit for Members<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, &value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, &value);
    }
}

fn write_json(out: &mut impl fmt::Write, value: &(impl Serialize + ?Sized)) -> fmt::Result {
    out.write_str(&serde_json::to_string(value).map_err(|_| fmt::Error)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing::{field, info, info_span, warn};
    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'w> MakeWriter<'w> for Lines {
        type Writer = Self;

        fn make_writer(&'w self) -> Self {
            self.clone()
        }
    }

    #[test]
    fn each_line_is_an_object_with_the_fields_of_its_spans() {
        let lines = Lines::default();
        let log = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(lines.clone())
            .fmt_fields(JsonFields)
            .event_format(Json)
            .finish();
        tracing::subscriber::with_default(log, || {
            info!(open = 3, "a \"text\"\nof two lines");
            let span = info_span!("connection", peer = "1.2.3.4:5", client_id = field::Empty);
            let _entered = span.enter();
            span.record("client_id", "truck");
            warn!(error = ?Some("x"), ratio = 0.5, done = true, below = -1, "odd");
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let objects: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(objects.len(), 2, "{text}");
        assert_eq!(objects[0]["message"], "a \"text\"\nof two lines");
        assert_eq!((&objects[0]["open"], &objects[0]["level"]), (&3.into(), &"INFO".into()));
        assert!(objects[0]["timestamp"].as_str().unwrap().ends_with('Z'));
        assert!(objects[0].get("span").is_none());
        let odd = &objects[1];
        assert_eq!(odd["span"], serde_json::json!({"peer": "1.2.3.4:5", "client_id": "truck"}));
        assert_eq!(odd["error"], "Some(\"x\")");
        assert_eq!((&odd["ratio"], &odd["done"], &odd["below"]), (&0.5.into(), &true.into(), &(-1).into()));
    }
}
