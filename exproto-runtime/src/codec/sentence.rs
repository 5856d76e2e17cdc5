//! Sentences put together while a program is compiled: names that are not known,
//! and what may have been meant.

/// The known name that takes the fewest changes, if those are few.
#[cfg(feature = "session")]
pub(crate) const fn nearest(name: &str, known: &[&'static str]) -> Option<&'static str> {
    let (mut best, mut near, mut i) = (usize::MAX, None, 0);
    while i < known.len() {
        let far = distance(known[i], name);
        if far < best && far <= 1 + known[i].len() / 3 {
            best = far;
            near = Some(known[i]);
        }
        i += 1;
    }
    near
}

pub(crate) const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// Edits that turn one word of at most 31 bytes into the other.
pub(crate) const fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() > 31 || b.len() > 31 {
        return usize::MAX;
    }
    let mut row = [0; 32];
    let mut j = 0;
    while j <= b.len() {
        row[j] = j;
        j += 1;
    }
    let mut i = 0;
    while i < a.len() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        let mut j = 0;
        while j < b.len() {
            let change = diagonal + if a[i] == b[j] { 0 } else { 1 };
            let drop = row[j] + 1;
            let insert = row[j + 1] + 1;
            diagonal = row[j + 1];
            let mut least = change;
            if drop < least {
                least = drop;
            }
            if insert < least {
                least = insert;
            }
            row[j + 1] = least;
            j += 1;
        }
        i += 1;
    }
    row[b.len()]
}

/// A sentence put together at compile time.
pub(crate) struct Message {
    bytes: [u8; 512],
    len: usize,
}

impl Message {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; 512], len: 0 }
    }

    pub(crate) const fn add(&mut self, text: &str) -> &mut Self {
        let text = text.as_bytes();
        let mut i = 0;
        while i < text.len() && self.len < self.bytes.len() {
            self.bytes[self.len] = text[i];
            self.len += 1;
            i += 1;
        }
        self
    }

    #[track_caller]
    pub(crate) const fn fail(&self) -> ! {
        let (text, _) = self.bytes.split_at(self.len);
        match core::str::from_utf8(text) {
            Ok(text) => panic!("{}", text),
            Err(_) => panic!("a name is not known"),
        }
    }
}
