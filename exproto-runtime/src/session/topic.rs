//! MQTT topics made of templates.

/// A topic or filter in the making.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicBuf {
    text: String,
}

/// A value that can stand in a topic.
pub trait TopicValue {
    /// Appends the value as text.
    fn put(&self, out: &mut String);
}

impl TopicBuf {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}
