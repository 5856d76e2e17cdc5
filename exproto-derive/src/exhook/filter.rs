//! Filters of topics, as EMQX takes them from a hook provider.

/// What is wrong with a filter, and how to mend it.
pub(super) fn mistake(filter: &str) -> Option<String> {
    if filter.is_empty() {
        return Some("a filter is not empty; `#` is all topics".into());
    }
    if filter.len() > 65_535 {
        return Some("a filter has at most 65,535 bytes".into());
    }
    if filter.contains('\0') {
        return Some("a filter holds no NUL".into());
    }
    if let Some(rest) = filter.strip_prefix("$share/") {
        let plain = rest.split_once('/').map_or("..", |(_, plain)| plain);
        return Some(format!("hooks see the topic of a message, which has no `$share`: write `{plain}`"));
    }
    if filter.split('/').next() == Some("$SYS") {
        return Some("EMQX calls no hook for its own messages below `$SYS`: remove this filter".into());
    }
    let levels: Vec<&str> = filter.split('/').collect();
    for (at, level) in levels.iter().enumerate() {
        if *level == "#" && at + 1 < levels.len() {
            let up_to = levels[..=at].join("/");
            return Some(format!("`#` is the last level of a filter: write `{up_to}`"));
        }
        let wildcard = level.find(['+', '#']).and_then(|at| level.get(at..=at));
        if let Some(wildcard) = wildcard
            && level.len() > 1
        {
            return Some(format!(
                "`{wildcard}` stands for a whole level: write `{wildcard}` in place of `{level}`"
            ));
        }
    }
    None
}
