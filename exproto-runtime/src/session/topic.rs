//! MQTT topics and filters: made of literals and values, checked, compared.
//!
//! A [`TopicBuf`] is filled by generated code: literals were checked when the
//! user compiled, values are checked here, because a device must never decide
//! how many levels its topic has.

use core::fmt::Write as _;

use super::gateway::Refusal;
use crate::codec::{Bcd, ShortText, Text, TextBuf, Word};

/// The most bytes a topic or filter can have in MQTT.
pub const MAX_TOPIC: usize = 65_535;

/// What happens to a value with characters that mean something in a topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TopicPolicy {
    /// The frame is refused.
    #[default]
    Refuse,
    /// The characters are percent-encoded, and `%` with them, so that
    /// different values stay different: `a/b` becomes `a%2Fb`.
    Escape,
}

/// A value that can stand in a topic.
///
/// Implemented for integers, `bool`, text, words and packed decimals. Floating-point numbers, options
/// and lists have no one obvious text, so the trait is not derived from
/// `Display`; implement it for a type of your own to say what its text is.
///
/// # Examples
///
/// ```
/// use exproto_runtime::session::{TopicBuf, TopicPolicy, TopicValue};
///
/// struct Plate([u8; 6]);
///
/// impl TopicValue for Plate {
///     fn put(&self, out: &mut String) {
///         out.extend(self.0.iter().map(|byte| char::from(*byte)));
///     }
/// }
///
/// let mut topic = TopicBuf::new(TopicPolicy::Refuse);
/// topic.literal("fleet/");
/// topic.value(&Plate(*b"AB123C"));
/// assert_eq!(topic.finish().unwrap(), "fleet/AB123C");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand in a topic",
    label = "integers, `bool`, text, words and packed decimals can",
    note = "use another field, or implement `exproto_runtime::session::TopicValue` for the type"
)]
pub trait TopicValue {
    /// Appends the value as text. What is appended is checked afterwards.
    fn put(&self, out: &mut String);
}

macro_rules! integers {
    ($($int:ty),*) => {$(
        impl TopicValue for $int {
            fn put(&self, out: &mut String) {
                // Writing to a `String` cannot fail.
                let _ = write!(out, "{self}");
            }
        }
    )*};
}

integers!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);

impl TopicValue for bool {
    fn put(&self, out: &mut String) {
        out.push_str(if *self { "true" } else { "false" });
    }
}

impl TopicValue for str {
    fn put(&self, out: &mut String) {
        out.push_str(self);
    }
}

impl TopicValue for String {
    fn put(&self, out: &mut String) {
        out.push_str(self);
    }
}

impl<const N: usize> TopicValue for Bcd<N> {
    fn put(&self, out: &mut String) {
        use core::fmt::Write as _;
        // Writing to a `String` cannot fail.
        let _ = write!(out, "{self}");
    }
}

impl TopicValue for Text<'_> {
    fn put(&self, out: &mut String) {
        out.push_str(&self.to_str());
    }
}

impl<const N: usize> TopicValue for ShortText<N> {
    fn put(&self, out: &mut String) {
        self.as_text().put(out);
    }
}

impl TopicValue for TextBuf {
    fn put(&self, out: &mut String) {
        self.as_text().put(out);
    }
}

/// At most eight characters.
impl TopicValue for Word {
    fn put(&self, out: &mut String) {
        // Writing to a `String` cannot fail.
        let _ = write!(out, "{self}");
    }
}

impl<T: TopicValue + ?Sized> TopicValue for &T {
    fn put(&self, out: &mut String) {
        (**self).put(out);
    }
}

impl<T: TopicValue + ?Sized> TopicValue for Box<T> {
    fn put(&self, out: &mut String) {
        (**self).put(out);
    }
}

/// A topic or filter in the making.
///
/// # Examples
///
/// ```
/// use exproto_runtime::session::{TopicBuf, TopicPolicy};
///
/// let mut topic = TopicBuf::new(TopicPolicy::Refuse);
/// topic.literal("cars/");
/// topic.value(&41_u16);
/// topic.literal("/up");
/// assert_eq!(topic.finish().unwrap(), "cars/41/up");
///
/// topic.clear();
/// topic.literal("cars/");
/// topic.value("41/down");
/// assert_eq!(
///     topic.finish().unwrap_err().reason,
///     "the value \"41/down\" after `cars/` holds '/', which has a meaning in topics"
/// );
///
/// let mut topic = TopicBuf::new(TopicPolicy::Escape);
/// topic.literal("cars/");
/// topic.value("41/down");
/// assert_eq!(topic.finish().unwrap(), "cars/41%2Fdown");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicBuf {
    text: String,
    policy: TopicPolicy,
    /// The first value that must not stand here.
    fault: Option<Box<str>>,
}

impl TopicBuf {
    /// An empty topic.
    #[must_use]
    pub const fn new(policy: TopicPolicy) -> Self {
        Self { text: String::new(), policy, fault: None }
    }

    pub(crate) fn begun(mut self, policy: TopicPolicy) -> Self {
        self.clear();
        self.policy = policy;
        self
    }

    /// Begins again, keeps the memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.fault = None;
    }

    /// What is there so far, checked or not.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Appends text of the program: levels, separators, in filters wildcards.
    #[inline]
    pub fn literal(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Appends a value.
    #[inline]
    pub fn value<V: TopicValue + ?Sized>(&mut self, value: &V) {
        let start = self.text.len();
        value.put(&mut self.text);
        self.check_value(start);
    }

    /// The whole topic.
    ///
    /// # Errors
    ///
    /// A value that must not stand in a topic; nothing at all; more than
    /// [`MAX_TOPIC`] bytes.
    pub fn finish(&self) -> Result<&str, Refusal> {
        if let Some(fault) = &self.fault {
            return Err(Refusal::new(&**fault));
        }
        if self.text.is_empty() {
            return Err(Refusal::new("the topic is empty"));
        }
        if self.text.len() > MAX_TOPIC {
            let len = self.text.len();
            return Err(Refusal::new(format!("the topic has {len} bytes, MQTT allows {MAX_TOPIC}")));
        }
        Ok(&self.text)
    }

    fn check_value(&mut self, start: usize) {
        let plain =
            |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'_' | b'.' | b':');
        match self.text.as_bytes().get(start..) {
            Some(value) if !value.is_empty() && value.iter().all(plain) => {}
            _ => self.check_odd_value(start),
        }
    }

    #[cold]
    fn check_odd_value(&mut self, start: usize) {
        let Some(value) = self.text.get(start..) else {
            return self.fault("a `TopicValue` took away what stood before it".into());
        };
        if value.is_empty() {
            return self.fault(format!("the value after `{}` is empty", self.text));
        }
        if value.contains(char::REPLACEMENT_CHARACTER) {
            // Two devices with different such values would share a topic.
            let value = shorten(value);
            return self.fault(format!("the value {value:?} comes from bytes that are no text"));
        }
        // `$` opens the broker's own topics, but only at the very start.
        let reserved = |at: usize, char: char| start == 0 && at == 0 && char == '$';
        match self.policy {
            TopicPolicy::Refuse => {
                if let Some((_, char)) =
                    value.char_indices().find(|(at, char)| is_special(*char) || reserved(*at, *char))
                {
                    let before = self.text.get(..start).unwrap_or("");
                    let value = shorten(value);
                    let why = format!(
                        "the value {value:?} after `{before}` holds {char:?}, which has a meaning in topics"
                    );
                    self.fault(why);
                }
            }
            TopicPolicy::Escape => {
                let mut escaped = String::with_capacity(value.len() + 8);
                for (at, char) in value.char_indices() {
                    if is_special(char) || char == '%' || reserved(at, char) {
                        for byte in char.encode_utf8(&mut [0; 4]).bytes() {
                            let _ = write!(escaped, "%{byte:02X}");
                        }
                    } else {
                        escaped.push(char);
                    }
                }
                self.text.truncate(start);
                self.text.push_str(&escaped);
            }
        }
    }

    fn fault(&mut self, why: String) {
        self.fault.get_or_insert(why.into());
    }
}

/// The value that stands in a topic under this policy.
pub(crate) fn unescaped(level: &str, policy: TopicPolicy) -> Box<str> {
    if policy == TopicPolicy::Refuse || !level.contains('%') {
        return level.into();
    }
    let (mut bytes, mut rest) = (Vec::with_capacity(level.len()), level.as_bytes());
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = tail.get(..2).filter(|_| first == b'%');
        let digits = escaped.filter(|code| code.iter().all(u8::is_ascii_hexdigit));
        let code = digits.and_then(|code| u8::from_str_radix(core::str::from_utf8(code).ok()?, 16).ok());
        bytes.push(code.unwrap_or(first));
        rest = tail.get(if code.is_some() { 2 } else { 0 }..).unwrap_or(&[]);
    }
    // What does not come from us stays as it is.
    String::from_utf8(bytes).map_or_else(|_| level.into(), Into::into)
}

/// Text of the device in a message: not longer than a line.
fn shorten(text: &str) -> &str {
    match text.char_indices().nth(64) {
        Some((end, _)) => text.get(..end).unwrap_or(text),
        None => text,
    }
}

/// Whether a value must not hold the character: separators, wildcards, and
/// what MQTT forbids or brokers may close the connection for.
fn is_special(char: char) -> bool {
    let code = char as u32;
    matches!(char, '+' | '#' | '/')
        || char.is_control()
        || code & 0xFFFE == 0xFFFE
        || (0xFDD0..=0xFDEF).contains(&code)
}

/// Checks a topic to publish on.
///
/// # Errors
///
/// What is wrong, in one sentence.
///
/// # Examples
///
/// ```
/// use exproto_runtime::session::valid_topic;
///
/// const { assert!(valid_topic("cars/41/up").is_ok()) };
/// assert_eq!(valid_topic("cars/+/up"), Err("a topic to publish on has no wildcards"));
/// ```
pub const fn valid_topic(topic: &str) -> Result<(), &'static str> {
    let bytes = topic.as_bytes();
    if bytes.is_empty() {
        return Err("the topic is empty");
    }
    if bytes.len() > MAX_TOPIC {
        return Err("the topic has more than 65535 bytes");
    }
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'+' | b'#' => return Err("a topic to publish on has no wildcards"),
            0 => return Err("a topic must not hold a NUL character"),
            _ => at += 1,
        }
    }
    Ok(())
}

/// Checks a filter to subscribe to, also a shared one: `$share/GROUP/FILTER`.
///
/// # Errors
///
/// What is wrong, in one sentence.
///
/// # Examples
///
/// ```
/// use exproto_runtime::session::valid_filter;
///
/// const { assert!(valid_filter("$share/gateways/cars/+/down/#").is_ok()) };
/// assert_eq!(valid_filter("cars/#/down"), Err("`#` has to be the last level"));
/// assert_eq!(valid_filter("cars/a+"), Err("a wildcard has to be a whole level"));
/// ```
pub const fn valid_filter(filter: &str) -> Result<(), &'static str> {
    let bytes = filter.as_bytes();
    if bytes.is_empty() {
        return Err("the filter is empty");
    }
    if bytes.len() > MAX_TOPIC {
        return Err("the filter has more than 65535 bytes");
    }
    let mut at = 0;
    if starts_with_share(bytes) {
        at = SHARE.len();
        let group = at;
        while at < bytes.len() && bytes[at] != b'/' {
            if matches!(bytes[at], b'+' | b'#') {
                return Err("the group of a shared subscription has no wildcards");
            }
            at += 1;
        }
        if at == group {
            return Err("a shared subscription needs a group: `$share/GROUP/FILTER`");
        }
        at += 1;
        if at >= bytes.len() {
            return Err("a shared subscription needs a filter: `$share/GROUP/FILTER`");
        }
    }
    let mut level = at;
    while at < bytes.len() {
        match bytes[at] {
            0 => return Err("a filter must not hold a NUL character"),
            b'/' => level = at + 1,
            b'+' | b'#' if at != level || (at + 1 < bytes.len() && bytes[at + 1] != b'/') => {
                return Err("a wildcard has to be a whole level");
            }
            b'#' if at + 1 < bytes.len() => return Err("`#` has to be the last level"),
            _ => {}
        }
        at += 1;
    }
    Ok(())
}

const SHARE: &[u8] = b"$share/";

const fn starts_with_share(filter: &[u8]) -> bool {
    let mut at = 0;
    while at < SHARE.len() {
        if at >= filter.len() || filter[at] != SHARE[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// Whether a filter matches a topic, by MQTT 4.7: `+` is one level, `#` any
/// number, and neither stands for a first level that begins with `$`.
///
/// The filter may be a shared one; a filter that is not valid matches nothing
/// that a broker would send.
///
/// # Examples
///
/// ```
/// use exproto_runtime::session::matches;
///
/// assert!(matches("cars/+/down/#", "cars/41/down"));
/// assert!(matches("$share/g/cars/#", "cars/41"));
/// assert!(!matches("#", "$SYS/uptime"));
/// assert!(!matches("cars/+", "cars/41/down"));
/// ```
#[must_use]
pub fn matches(filter: &str, topic: &str) -> bool {
    walk(filter, topic, |_| {})
}

/// What the `N` wildcards of a filter stand for in a topic that it matches:
/// one level for each `+`, the rest for `#`. `None` if the filter does not
/// match or has another number of wildcards.
///
/// Generated code subscribes with a filter whose placeholders are filled in
/// and takes the open levels of an incoming topic with the same filter.
///
/// # Examples
///
/// ```
/// use exproto_runtime::session::capture;
///
/// assert_eq!(capture("cars/41/set/+/#", "cars/41/set/speed/1/2"), Some(["speed", "1/2"]));
/// assert_eq!(capture("cars/41/set/#", "cars/41/set"), Some([""]));
/// assert_eq!(capture::<1>("cars/41/set/+", "cars/42/set/speed"), None);
/// ```
#[must_use]
pub fn capture<'t, const N: usize>(filter: &str, topic: &'t str) -> Option<[&'t str; N]> {
    let mut found = [""; N];
    let mut count = 0;
    let fits = walk(filter, topic, |level| {
        if let Some(place) = found.get_mut(count) {
            *place = level;
        }
        count += 1;
    });
    (fits && count == N).then_some(found)
}

fn walk<'t>(filter: &str, topic: &'t str, mut wildcard: impl FnMut(&'t str)) -> bool {
    let filter = match filter.strip_prefix("$share/") {
        Some(shared) => match shared.split_once('/') {
            Some((_, filter)) => filter,
            None => return false,
        },
        None => filter,
    };
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let mut rest = Some(topic);
    let mut levels = filter.split('/');
    while let Some(level) = levels.next() {
        if level == "#" {
            // Also matches the level above: `a/#` matches `a`.
            wildcard(rest.unwrap_or(""));
            return levels.next().is_none();
        }
        let Some(topic) = rest else { return false };
        let (head, tail) = match topic.split_once('/') {
            Some((head, tail)) => (head, Some(tail)),
            None => (topic, None),
        };
        if level == "+" {
            wildcard(head);
        } else if level != head {
            return false;
        }
        rest = tail;
    }
    rest.is_none()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn refused(value: &str) -> bool {
        let mut topic = TopicBuf::new(TopicPolicy::Refuse);
        topic.literal("a/");
        topic.value(value);
        topic.finish().is_err()
    }

    #[test]
    fn values_cannot_change_the_levels_of_a_topic() {
        for bad in ["", "/", "a/b", "+", "#", "\0", "a\nb", "\u{7F}", "\u{85}", "\u{FFFE}", "\u{FDD0}"] {
            assert!(refused(bad), "{bad:?}");
        }
        for good in ["a", "-1", "京A·12345", "a b", "%", "$x"] {
            assert!(!refused(good), "{good:?}");
        }
    }

    #[test]
    fn a_first_level_does_not_become_a_system_topic() {
        let mut topic = TopicBuf::new(TopicPolicy::Refuse);
        topic.value("$SYS");
        assert!(topic.finish().is_err());
        let mut topic = TopicBuf::new(TopicPolicy::Escape);
        topic.value("$SYS");
        assert_eq!(topic.finish().unwrap(), "%24SYS");
    }

    #[test]
    fn what_was_escaped_comes_back() {
        for value in ["a/b", "100%", "%2F", "+", "$SYS", "\u{7F}ä", "plain"] {
            let mut topic = TopicBuf::new(TopicPolicy::Escape);
            topic.value(value);
            assert_eq!(&*unescaped(topic.finish().unwrap(), TopicPolicy::Escape), value);
        }
        for odd in ["%", "%2", "%zz", "%FF", "%+1"] {
            assert_eq!(&*unescaped(odd, TopicPolicy::Refuse), odd);
        }
        assert_eq!(&*unescaped("%zz%2", TopicPolicy::Escape), "%zz%2");
        assert_eq!(&*unescaped("%FF", TopicPolicy::Escape), "%FF");
    }

    #[test]
    fn escaped_values_stay_different() {
        let escape = |value: &str| {
            let mut topic = TopicBuf::new(TopicPolicy::Escape);
            topic.literal("a/");
            topic.value(value);
            topic.finish().map(str::to_owned)
        };
        assert_eq!(escape("b/c+#\0").unwrap(), "a/b%2Fc%2B%23%00");
        assert_ne!(escape("b/c").unwrap(), escape("b%2Fc").unwrap());
        assert_eq!(escape("\u{85}").unwrap(), "a/%C2%85");
        assert!(escape("").is_err(), "there is no text for nothing");
    }

    #[test]
    fn the_first_fault_is_the_one_reported_and_clear_forgets_it() {
        let mut topic = TopicBuf::new(TopicPolicy::Refuse);
        topic.literal("a/");
        topic.value("x+");
        topic.value("y#");
        assert!(topic.finish().unwrap_err().reason.contains("'+'"));
        topic.clear();
        assert_eq!(topic.finish().unwrap_err().reason, "the topic is empty");
        topic.literal("a");
        assert_eq!(topic.finish().unwrap(), "a");
    }

    #[test]
    fn the_length_is_bounded() {
        let mut topic = TopicBuf::new(TopicPolicy::Refuse);
        topic.value(&"x".repeat(MAX_TOPIC));
        assert!(topic.finish().is_ok());
        topic.value(&1_u8);
        assert!(topic.finish().unwrap_err().reason.contains("65536 bytes"));
    }

    #[test]
    fn field_types_of_the_codec_stand_in_topics() {
        let topic = |value: &dyn TopicValue, policy| {
            let mut topic = TopicBuf::new(policy);
            topic.value(value);
            topic.finish().map(str::to_owned)
        };
        let phone: Bcd<6> = "013800138000".parse().unwrap();
        assert_eq!(topic(&phone, TopicPolicy::Refuse).unwrap(), "013800138000");
        assert_eq!(topic(&Text::from("AB12"), TopicPolicy::Refuse).unwrap(), "AB12");
        assert_eq!(topic(&TextBuf::from("A/12"), TopicPolicy::Escape).unwrap(), "A%2F12");
        for policy in [TopicPolicy::Refuse, TopicPolicy::Escape] {
            let invalid = Text::new(&[b'a', 0xFF], Text::from("").charset());
            assert!(topic(&invalid, policy).unwrap_err().reason.contains("no text"));
        }
    }

    #[test]
    fn a_value_that_shrinks_the_topic_is_a_fault() {
        struct Eraser;
        impl TopicValue for Eraser {
            fn put(&self, out: &mut String) {
                out.clear();
            }
        }
        let mut topic = TopicBuf::new(TopicPolicy::Refuse);
        topic.literal("a/");
        topic.value(&Eraser);
        assert!(topic.finish().is_err());
    }

    #[test]
    fn filters_are_valid_or_not() {
        for good in
            ["#", "+", "/", "a", "a/#", "+/+", "a/+/b", "/#", "$share/g/a", "$share/g/#", "$SYS/#", "$share"]
        {
            assert_eq!(valid_filter(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "a#",
            "#a",
            "a/#/b",
            "a+",
            "+a",
            "a/b+/c",
            "a\0",
            "$share/",
            "$share//a",
            "$share/g",
            "$share/g/",
            "$share/+/a",
            "$share/g#/a",
            "##",
            "++",
        ] {
            assert!(valid_filter(bad).is_err(), "{bad}");
        }
        assert!(valid_filter(&"a".repeat(MAX_TOPIC + 1)).is_err());
        assert!(valid_topic(&"a".repeat(MAX_TOPIC + 1)).is_err());
        assert!(valid_topic("").is_err());
        assert!(valid_topic("a\0").is_err());
    }

    #[test]
    fn matching_follows_the_standard() {
        for (filter, topic) in [
            ("a/b", "a/b"),
            ("a/#", "a"),
            ("a/#", "a/"),
            ("a/#", "a/b/c"),
            ("#", "a/b"),
            ("+/+", "/a"),
            ("/+", "/a"),
            ("+", "a"),
            ("a/+/c", "a//c"),
            ("$SYS/#", "$SYS/x"),
            ("$share/g/a/+", "a/b"),
        ] {
            assert!(matches(filter, topic), "{filter} {topic}");
        }
        for (filter, topic) in [
            ("a/b", "a"),
            ("a", "a/b"),
            ("a/+", "a"),
            ("+", "/a"),
            ("a/+", "a/b/c"),
            ("+/x", "$SYS/x"),
            ("#", "$SYS"),
            ("$share/g", "a"),
            ("$share/g/#", "$SYS/x"),
            ("a/#/c", "a/b/c"),
        ] {
            assert!(!matches(filter, topic), "{filter} {topic}");
        }
    }

    #[test]
    fn wildcards_are_captured_in_order() {
        assert_eq!(capture("a/+/b/+", "a/1/b/2"), Some(["1", "2"]));
        assert_eq!(capture::<1>("a/+/b/+", "a/1/b/2"), None, "two wildcards do not fit one place");
        assert_eq!(capture::<0>("a/b", "a/b"), Some([]));
        assert_eq!(capture("a/#", "a/b/c"), Some(["b/c"]));
    }
}
