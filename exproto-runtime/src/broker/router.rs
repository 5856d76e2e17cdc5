//! Which device wants a message: a trie of topic filters.
//!
//! Filters are counted: the trie says when a filter gets its first subscriber
//! and loses its last one, so that many devices behind one MQTT connection
//! share one subscription at the broker.
//!
//! Matching follows MQTT 5 section 4.7: `+` stands for one level, `#` for the
//! level before it and all below, and neither stands for a first level that
//! begins with `$`.

use std::collections::HashMap;
use std::sync::Arc;

/// The number of a filter, used as MQTT 5 subscription identifier: 1 to
/// 268,435,455, and not reused while the filter lives.
pub(crate) type FilterId = u32;

const MAX_FILTER_ID: FilterId = 268_435_455;

const ROOT: usize = 0;

/// What [`Router::subscribe`] changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Joined {
    /// The filter is new.
    First(FilterId),
    /// The filter was there, with a lower QoS than is wanted now.
    Raised(FilterId),
    /// The filter was there.
    Already(FilterId),
}

impl Joined {
    pub(crate) fn id(self) -> FilterId {
        let (Self::First(id) | Self::Raised(id) | Self::Already(id)) = self;
        id
    }
}

/// What [`Router::unsubscribe`] changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// There was no such subscription.
    NotThere,
    /// Others still want the filter.
    Others,
    /// Nobody wants the filter any more; it is forgotten.
    Last(FilterId),
}

/// A subscriber of a filter.
#[derive(Debug)]
pub(crate) struct Member<M> {
    link: u64,
    qos: u8,
    /// What the caller keeps per subscriber.
    pub(crate) value: M,
}

#[derive(Debug)]
struct Filter<M> {
    text: Arc<str>,
    node: usize,
    /// Sorted by link. Links are numbered upwards, so most join at the end.
    members: Vec<Member<M>>,
}

impl<M> Filter<M> {
    fn qos(&self) -> u8 {
        self.members.iter().map(|member| member.qos).max().unwrap_or(0)
    }
}

/// A level of the trie. Nodes lie in a list, not in each other, so that a
/// topic of thousands of levels costs no stack.
#[derive(Debug, Default)]
struct Node {
    parent: usize,
    level: Box<str>,
    children: HashMap<Box<str>, usize>,
    /// Filters that end here: several, if they differ in their `$share` group.
    ends: Vec<FilterId>,
}

/// Filters and their subscribers.
#[derive(Debug)]
pub(crate) struct Router<M> {
    nodes: Vec<Node>,
    free: Vec<usize>,
    ids: HashMap<Arc<str>, FilterId>,
    filters: HashMap<FilterId, Filter<M>>,
    last_id: FilterId,
}

impl<M> Default for Router<M> {
    fn default() -> Self {
        Self {
            nodes: vec![Node::default()],
            free: Vec::new(),
            ids: HashMap::new(),
            filters: HashMap::new(),
            last_id: 0,
        }
    }
}

impl<M> Router<M> {
    /// The number of filters.
    pub(crate) fn len(&self) -> usize {
        self.filters.len()
    }

    /// Lets a link have the messages of a filter. A second subscription of the
    /// same link replaces the first.
    pub(crate) fn subscribe(&mut self, filter: &str, link: u64, qos: u8, value: M) -> Joined {
        if let Some(&id) = self.ids.get(filter)
            && let Some(entry) = self.filters.get_mut(&id)
        {
            let before = entry.qos();
            let member = Member { link, qos, value };
            match entry.members.binary_search_by_key(&link, |member| member.link) {
                Ok(at) => entry.members[at] = member,
                Err(at) => entry.members.insert(at, member),
            }
            return if before < qos { Joined::Raised(id) } else { Joined::Already(id) };
        }
        let id = self.next_id();
        let text: Arc<str> = filter.into();
        let node = self.insert(unshared(filter), id);
        self.ids.insert(Arc::clone(&text), id);
        self.filters.insert(id, Filter { text, node, members: vec![Member { link, qos, value }] });
        Joined::First(id)
    }

    /// Ends a link's subscription.
    pub(crate) fn unsubscribe(&mut self, id: FilterId, link: u64) -> Left {
        let Some(entry) = self.filters.get_mut(&id) else { return Left::NotThere };
        let Ok(at) = entry.members.binary_search_by_key(&link, |member| member.link) else {
            return Left::NotThere;
        };
        entry.members.remove(at);
        if !entry.members.is_empty() {
            return Left::Others;
        }
        self.remove(id);
        Left::Last(id)
    }

    /// Forgets a filter with all its subscribers, which it returns.
    pub(crate) fn remove(&mut self, id: FilterId) -> Vec<Member<M>> {
        let Some(filter) = self.filters.remove(&id) else { return Vec::new() };
        self.ids.remove(&filter.text);
        self.nodes[filter.node].ends.retain(|&end| end != id);
        let mut node = filter.node;
        while node != ROOT && self.nodes[node].ends.is_empty() && self.nodes[node].children.is_empty() {
            let Node { parent, level, .. } = std::mem::take(&mut self.nodes[node]);
            self.nodes[parent].children.remove(&level);
            self.free.push(node);
            node = parent;
        }
        filter.members
    }

    /// The number of a filter.
    pub(crate) fn find(&self, filter: &str) -> Option<FilterId> {
        self.ids.get(filter).copied()
    }

    /// A filter's text and the highest QoS wanted of it.
    pub(crate) fn filter(&self, id: FilterId) -> Option<(Arc<str>, u8)> {
        self.filters.get(&id).map(|filter| (Arc::clone(&filter.text), filter.qos()))
    }

    /// All filters, oldest first.
    pub(crate) fn filter_ids(&self) -> Vec<FilterId> {
        let mut ids: Vec<_> = self.filters.keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// Shows each subscriber of a message once, with the QoS it asked for.
    ///
    /// `through` are the subscription identifiers the broker named. A broker
    /// may send one copy per matching subscription of the connection, each
    /// with its identifier; giving each copy to its own filter's subscribers
    /// alone keeps devices with overlapping filters from getting it once per
    /// filter of *other* devices. Without identifiers the topic decides.
    pub(crate) fn route(&self, topic: &str, through: &[usize], mut each: impl FnMut(&M, u8)) {
        let mut matching = Vec::new();
        if through.is_empty() {
            self.matching(topic, &mut matching);
        } else {
            matching.extend(through.iter().filter_map(|&id| FilterId::try_from(id).ok()));
        }
        let mut found = matching.iter().filter_map(|id| self.filters.get(id));
        match (found.next(), found.next()) {
            (None, _) => {}
            (Some(filter), None) => filter.members.iter().for_each(|member| each(&member.value, member.qos)),
            (Some(one), Some(two)) => {
                let mut members: Vec<_> =
                    [one, two].into_iter().chain(found).flat_map(|filter| &filter.members).collect();
                members.sort_by_key(|member| (member.link, std::cmp::Reverse(member.qos)));
                members.dedup_by_key(|member| member.link);
                members.iter().for_each(|member| each(&member.value, member.qos));
            }
        }
    }

    fn matching(&self, topic: &str, out: &mut Vec<FilterId>) {
        let mut open = vec![(ROOT, Some(topic))];
        while let Some((at, rest)) = open.pop() {
            let node = &self.nodes[at];
            let wildcards = at != ROOT || !topic.starts_with('$');
            if wildcards && let Some(&all_below) = node.children.get("#") {
                out.extend(&self.nodes[all_below].ends);
            }
            let Some(rest) = rest else {
                out.extend(&node.ends);
                continue;
            };
            let (level, below) = match rest.split_once('/') {
                Some((level, below)) => (level, Some(below)),
                None => (rest, None),
            };
            // A topic has no wildcards; one that has must not meet them as plain levels.
            if !matches!(level, "+" | "#")
                && let Some(&child) = node.children.get(level)
            {
                open.push((child, below));
            }
            if wildcards && let Some(&child) = node.children.get("+") {
                open.push((child, below));
            }
        }
    }

    fn insert(&mut self, filter: &str, id: FilterId) -> usize {
        let mut at = ROOT;
        for level in filter.split('/') {
            at = match self.nodes[at].children.get(level) {
                Some(&child) => child,
                None => {
                    let node = Node { parent: at, level: level.into(), ..Node::default() };
                    let child = match self.free.pop() {
                        Some(free) => {
                            self.nodes[free] = node;
                            free
                        }
                        None => {
                            self.nodes.push(node);
                            self.nodes.len() - 1
                        }
                    };
                    self.nodes[at].children.insert(level.into(), child);
                    child
                }
            };
        }
        self.nodes[at].ends.push(id);
        at
    }

    fn next_id(&mut self) -> FilterId {
        loop {
            self.last_id = if self.last_id >= MAX_FILTER_ID { 1 } else { self.last_id + 1 };
            if !self.filters.contains_key(&self.last_id) {
                return self.last_id;
            }
        }
    }
}

/// The filter without `$share/GROUP/`, which the topic of a message lacks.
fn unshared(filter: &str) -> &str {
    filter
        .strip_prefix("$share/")
        .and_then(|rest| rest.split_once('/'))
        .map_or(filter, |(_group, filter)| filter)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn matches(filter: &str, topic: &str) -> bool {
        let mut router = Router::default();
        router.subscribe(filter, 1, 1, ());
        let mut hits = 0;
        router.route(topic, &[], |(), _| hits += 1);
        assert!(hits < 2);
        hits == 1
    }

    #[test]
    fn follows_the_matching_rules_of_mqtt() {
        for (filter, topic, want) in [
            ("a/b", "a/b", true),
            ("a/b", "a/b/c", false),
            ("a/b", "a", false),
            ("a/+", "a/b", true),
            ("a/+", "a/", true),
            ("a/+", "a", false),
            ("a/+", "a/b/c", false),
            ("+", "a", true),
            ("+", "/a", false),
            ("+/+", "/a", true),
            ("/+", "/a", true),
            ("a/#", "a", true),
            ("a/#", "a/b/c", true),
            ("a/#", "ab", false),
            ("#", "a/b", true),
            ("#", "/", true),
            ("+/b/#", "a/b", true),
            ("+/b/#", "a/b/c/d", true),
            ("+/c/#", "a/b/c", false),
            ("#", "$SYS/x", false),
            ("+/x", "$SYS/x", false),
            ("$SYS/#", "$SYS/x", true),
            ("$SYS/+", "$SYS/x", true),
            ("a/+", "a/$b", true),
            ("a/+", "a/+", true),
            ("$share/g/a/+", "a/b", true),
            ("$share/g/a/+", "$share/g/a/b", false),
            ("$share/g/#", "$SYS/x", false),
        ] {
            assert_eq!(matches(filter, topic), want, "{filter} {topic}");
        }
    }

    #[test]
    fn a_filter_is_counted() {
        let mut router = Router::default();
        let first = router.subscribe("a/+", 1, 0, 'a');
        assert!(matches!(first, Joined::First(_)));
        let id = first.id();
        assert_eq!(router.subscribe("a/+", 2, 0, 'b'), Joined::Already(id));
        assert_eq!(router.subscribe("a/+", 3, 1, 'c'), Joined::Raised(id));
        assert_eq!(router.filter(id), Some(("a/+".into(), 1)));
        assert_eq!(router.unsubscribe(id, 9), Left::NotThere);
        assert_eq!(router.unsubscribe(id, 1), Left::Others);
        assert_eq!(router.unsubscribe(id, 3), Left::Others);
        assert_eq!(router.unsubscribe(id, 2), Left::Last(id));
        assert_eq!(router.unsubscribe(id, 2), Left::NotThere);
        assert_eq!((router.len(), router.find("a/+")), (0, None));
        assert_ne!(router.subscribe("a/+", 1, 0, 'a').id(), id);
    }

    #[test]
    fn a_forgotten_filter_leaves_nothing_behind() {
        let mut router = Router::default();
        for round in 0..100 {
            for device in 0..10u64 {
                router.subscribe(&format!("dev/{round}/{device}/down"), device, 1, ());
            }
            for id in router.filter_ids() {
                router.remove(id);
            }
        }
        assert_eq!(router.nodes.len() - router.free.len(), 1);
        assert!(router.nodes.len() < 40, "{}", router.nodes.len());
        assert!(router.nodes[ROOT].children.is_empty());
    }

    #[test]
    fn each_link_gets_a_message_once() {
        let mut router = Router::default();
        let wide = router.subscribe("a/#", 1, 0, 1).id();
        router.subscribe("a/+", 1, 2, 1);
        let narrow = router.subscribe("a/b", 2, 1, 2).id();
        let route = |through: &[usize]| {
            let mut got = Vec::new();
            router.route("a/b", through, |&link, qos| got.push((link, qos)));
            got.sort_unstable();
            got
        };
        assert_eq!(route(&[]), [(1, 2), (2, 1)]);
        assert_eq!(route(&[wide as usize]), [(1, 0)]);
        assert_eq!(route(&[narrow as usize, wide as usize]), [(1, 0), (2, 1)]);
        assert_eq!(route(&[12345]), []);
    }

    #[test]
    fn deep_topics_cost_no_stack() {
        let deep = "x/".repeat(32_000);
        let mut router = Router::default();
        let id = router.subscribe(&format!("{deep}#"), 1, 0, ()).id();
        router.subscribe("+/+/#", 1, 0, ());
        let mut hits = 0;
        router.route(&deep, &[], |(), _| hits += 1);
        assert_eq!(hits, 1);
        router.remove(id);
        assert!(router.free.len() > 31_000);
    }
}
