//! Where a device's topics are mounted, and which topics a broker takes.

use std::net::IpAddr;

/// MQTT's limit on a topic, in bytes.
const LONGEST: usize = 65_535;

/// A prefix of a device's topics, empty if there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Mount(Box<str>);

impl Mount {
    /// Fills a template: `${clientid}`, `${username}`, `${peerhost}`. Other
    /// placeholders stay as they are, as in EMQX.
    pub(super) fn of(template: &str, client_id: &str, username: &str, peer: IpAddr) -> Self {
        if !template.contains("${") {
            return Self(template.into());
        }
        let mut filled = String::with_capacity(template.len() + client_id.len());
        let mut rest = template;
        while let Some(at) = rest.find("${") {
            let (before, placeholder) = rest.split_at(at);
            filled.push_str(before);
            let Some(end) = placeholder.find('}') else {
                rest = placeholder;
                break;
            };
            let (name, after) = placeholder.split_at(end + 1);
            match name {
                "${clientid}" => filled.push_str(client_id),
                "${username}" => filled.push_str(username),
                "${peerhost}" => filled.push_str(&peer.to_canonical().to_string()),
                other => filled.push_str(other),
            }
            rest = after;
        }
        filled.push_str(rest);
        Self(filled.into())
    }

    /// A device's topic as the broker knows it; `None` if the broker would not
    /// take it.
    pub(super) fn topic(&self, topic: &str) -> Option<String> {
        if topic.is_empty() {
            return None;
        }
        let topic = format!("{}{topic}", self.0);
        is_topic(&topic).then_some(topic)
    }

    /// A device's filter as the broker knows it. Of a shared subscription the
    /// part behind the group is mounted.
    pub(super) fn filter(&self, filter: &str) -> Option<String> {
        if let Some(shared) = filter.strip_prefix("$share/") {
            let (group, inner) = shared.split_once('/')?;
            if group.is_empty() || group.contains(['+', '#']) || inner.is_empty() {
                return None;
            }
            let inner = format!("{}{inner}", self.0);
            return is_filter(&inner).then(|| format!("$share/{group}/{inner}"));
        }
        // EMQX's own kinds of subscriptions; no other broker has them.
        if filter.is_empty() || filter.starts_with("$queue/") || filter.starts_with("$exclusive/") {
            return None;
        }
        let filter = format!("{}{filter}", self.0);
        is_filter(&filter).then_some(filter)
    }

    /// The topic of a message as the device knows it.
    pub(super) fn strip<'t>(&self, topic: &'t str) -> &'t str {
        topic.strip_prefix(&*self.0).unwrap_or(topic)
    }
}

pub(super) fn is_topic(topic: &str) -> bool {
    !topic.is_empty() && topic.len() <= LONGEST && !topic.contains(['+', '#', '\0'])
}

fn is_filter(filter: &str) -> bool {
    if filter.is_empty() || filter.len() > LONGEST || filter.contains('\0') || filter.starts_with("$share") {
        return false;
    }
    let mut levels = filter.split('/').peekable();
    while let Some(level) = levels.next() {
        let alone = level.len() == 1 || !level.contains(['+', '#']);
        if !alone || (level == "#" && levels.peek().is_some()) {
            return false;
        }
    }
    true
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn mount(template: &str) -> Mount {
        Mount::of(template, "dev-1", "joe", "::ffff:10.0.0.7".parse().unwrap())
    }

    #[test]
    fn a_template_is_filled_with_what_the_login_says() {
        let filled = |template| mount(template).topic("t").unwrap();
        assert_eq!(filled(""), "t");
        assert_eq!(filled("mp/${clientid}/"), "mp/dev-1/t");
        assert_eq!(filled("${username}@${peerhost}/"), "joe@10.0.0.7/t");
        assert_eq!(filled("${other}/${clientid"), "${other}/${clientidt");
    }

    #[test]
    fn topics_and_filters_are_mounted_and_messages_stripped() {
        let it = mount("mp/${clientid}/");
        assert_eq!(it.filter("down/#").unwrap(), "mp/dev-1/down/#");
        assert_eq!(it.filter("$share/g/down").unwrap(), "$share/g/mp/dev-1/down");
        assert_eq!(it.strip("mp/dev-1/down"), "down");
        assert_eq!(it.strip("elsewhere"), "elsewhere");
        // A client id with a wildcard makes no topic.
        let odd = Mount::of("${clientid}/", "a#", "", "1.1.1.1".parse().unwrap());
        assert_eq!((odd.topic("t"), odd.filter("t")), (None, None));
    }

    #[test]
    fn what_no_broker_takes_is_none() {
        let it = Mount::default();
        for topic in ["", "a/+", "a/#", "a\0"] {
            assert_eq!(it.topic(topic), None, "{topic:?}");
        }
        for filter in ["", "a/#/b", "a#", "+a/b", "a\0", "$share/g", "$share//t", "$share/+/t", "$share/g/"] {
            assert_eq!(it.filter(filter), None, "{filter:?}");
        }
        for filter in ["$queue/t", "$exclusive/t", "$share", "$share/g/$share/h/t"] {
            assert_eq!(it.filter(filter), None, "{filter:?}");
        }
        assert_eq!(it.topic(&"x".repeat(65_536)), None);
        for filter in ["#", "+", "a/+/b", "a/#", "$SYS/x"] {
            assert_eq!(it.filter(filter).as_deref(), Some(filter));
        }
    }
}
