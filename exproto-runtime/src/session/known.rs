//! Names that routes use and another type has to know: checked by constant
//! evaluation, on the span of the name.

use super::gateway::Gateway;
use super::routes::{Names, Outer, name_index};
use crate::codec::sentence::{Message, distance, nearest, same};

/// Fails the build when a template names what is not there.
#[track_caller]
pub const fn check_placeholder<N: Names>(name: &str, place: &str, own: &[&str]) {
    let index = name_index::<N>(name);
    if index == usize::MAX {
        unknown::<N>(name, place, own);
    }
    if !N::USABLE[index] {
        let mut message = Message::new();
        message.add("`").add(N::TYPE).add("::").add(name).add("` is a `").add(N::TYPES[index]);
        message.add("`, which cannot stand in a topic: use an integer, `bool` or text, or implement `TopicValue` for the type");
        message.fail();
    }
}

/// Says that a template names a field that is not there.
#[track_caller]
const fn unknown<N: Names>(name: &str, place: &str, own: &[&str]) -> ! {
    let mut message = Message::new();
    message.add("no placeholder `{").add(name).add("}` for `").add(place).add("`");
    let mut best = usize::MAX;
    let mut near = "";
    let mut i = 0;
    while i < N::NAMES.len() + own.len() {
        let known = if i < N::NAMES.len() { N::NAMES[i] } else { own[i - N::NAMES.len()] };
        let far = distance(known, name);
        if far < best && far <= 1 + known.len() / 3 {
            best = far;
            near = known;
        }
        i += 1;
    }
    if !near.is_empty() {
        message.add("; did you mean `{").add(near).add("}`?");
    }
    message.add(" Known: ");
    let mut i = 0;
    while i < N::NAMES.len() + own.len() {
        let known = if i < N::NAMES.len() { N::NAMES[i] } else { own[i - N::NAMES.len()] };
        // A frame without a body has the same fields twice.
        if i < N::NAMES.len() || name_index::<N>(known) == usize::MAX {
            message.add(if i > 0 { ", " } else { "" }).add(known);
        }
        i += 1;
    }
    message.fail();
}

/// Fails the build when `include` names what the frame does not have.
#[track_caller]
pub const fn check_included<N: Names>(name: &str, place: &str) {
    if name_index::<N>(name) != usize::MAX {
        return;
    }
    let mut message = Message::new();
    message
        .add("`")
        .add(place)
        .add("` includes `")
        .add(name)
        .add("`, and `")
        .add(N::TYPE)
        .add("` has no such field");
    let near = nearest(name, N::NAMES);
    if let Some(near) = near {
        message.add("; did you mean `").add(near).add("`?");
    }
    message.fail();
}

/// Fails the build when a template names what no login keeps.
#[track_caller]
pub const fn check_kept<F: Outer>(name: &str, place: &str) {
    let mut message = Message::new();
    message.add("no `auth` keeps `").add(name).add("` for the topic of `").add(place);
    message.add("`: write `auth(client_id = .., keep(").add(name).add("))`");
    let mut frame = 0;
    while frame < F::KEEPS.len() {
        let mut i = 0;
        while i < F::KEEPS[frame].len() {
            if same(F::KEEPS[frame][i], name) {
                return;
            }
            i += 1;
        }
        frame += 1;
    }
    message.fail();
}

/// Whether any downlink is answered.
#[must_use]
pub const fn any_awaited(all: &[&[&str]]) -> bool {
    let mut frame = 0;
    while frame < all.len() {
        if !all[frame].is_empty() {
            return true;
        }
        frame += 1;
    }
    false
}

/// Fails the build when a frame answers what is no downlink, or none that waits.
#[track_caller]
pub const fn check_awaited<F: Outer<Port: Gateway>>(name: &str, place: &str) {
    let mut message = Message::new();
    message.add("`").add(place).add("` answers no downlink `").add(name).add("`");
    let (mut best, mut near) = (usize::MAX, "");
    let (all, mut frame) = (<F::Port as Gateway>::AWAITED, 0);
    while frame < all.len() {
        let mut i = 0;
        while i < all[frame].len() {
            // A body with mistakes stands for any.
            if same(all[frame][i], name) || same(all[frame][i], "*") {
                return;
            }
            let far = distance(all[frame][i], name);
            if far < best && far <= 1 + all[frame][i].len() / 3 {
                (best, near) = (far, all[frame][i]);
            }
            i += 1;
        }
        frame += 1;
    }
    if !near.is_empty() {
        message.add("; did you mean `").add(near).add("`?");
    } else {
        message.add(": what is answered says so, `deliver(\"filter\", answer)`");
    }
    message.fail();
}

/// Fails the build when routes stand under a profile that the gateway does not
/// name.
#[track_caller]
pub const fn check_profile<F: Outer>(name: &str, place: &str) {
    let mut message = Message::new();
    message.add("no profile `").add(name).add("` for `").add(place).add("`");
    match nearest(name, F::PROFILES) {
        Some(near) if same(near, name) => return,
        Some(near) => message.add("; did you mean `").add(near).add("`?"),
        None => {
            message.add(": the gateway names its profiles, `#[route(gateway, profiles(").add(name).add("))]`")
        }
    };
    message.fail();
}

/// Fails the build when no route stands under a profile of the gateway.
#[track_caller]
pub const fn check_used(name: &str, bodies: &[&[&str]]) {
    let mut body = 0;
    while body < bodies.len() {
        let mut i = 0;
        while i < bodies[body].len() {
            // A body with mistakes stands for any.
            if same(bodies[body][i], name) || same(bodies[body][i], "*") {
                return;
            }
            i += 1;
        }
        body += 1;
    }
    let mut message = Message::new();
    message.add("no route stands under the profile `").add(name);
    message
        .add("`: write `#[route(profile = ")
        .add(name)
        .add(", publish(\"topic\"))]` on a variant, or remove it");
    message.fail();
}
