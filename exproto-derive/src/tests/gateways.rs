//! Routes of frames, gateways and profiles.

use super::mistakes;

#[test]
fn routes_stand_where_they_are_found() {
    mistakes(&[
        (
            "#[frame(one_of)] #[route(gateway)] enum E { #[route(ignore)] A(A) }",
            &[("put the routes on the frame in `A`, with `one_of = E`", "route")],
        ),
        (
            "#[frame(one_of)] #[route(gateway, profiles(p))] #[route(profile = p, publish(\"t\"))] enum E { A(A) }",
            &[("put the routes of the profile on the frames in `E`", "p")],
        ),
        (
            "#[frame] #[route(one_of = E, ignore, profiles(p))] struct S { a: u8 }",
            &[("the enum says which profiles there are: remove `profiles` here", "profiles")],
        ),
        (
            "#[frame] #[route(profiles(p))] struct S { a: u8 }",
            &[("`profiles` belongs to a gateway: write `#[route(gateway, profiles(..))]`", "profiles")],
        ),
        (
            "#[frame] #[route(gateway, anonymous, one_of = E, ignore)] struct S { a: u8 }",
            &[(
                "a frame is a gateway, or one kind of frames of the enum that is: remove `gateway` or `one_of`",
                "one_of",
            )],
        ),
        (
            "#[frame] #[route(ignore)] struct S { a: u8 }",
            &[(
                "routes on a frame need a gateway: add `gateway`, or `one_of = ENUM` if the frame is one of several kinds",
                "ignore",
            )],
        ),
        (
            "#[frame] #[route(one_of = E, state = T, ignore)] struct S { a: u8 }",
            &[("the enum says what the state is: remove `state` here", "state")],
        ),
        (
            "#[frame] #[route(gateway, anonymous, publish(\"t\"))] struct S { #[wire(before(id: u8 = tag(b)))] b: Body }",
            &[(
                "this frame has a body that a tag selects: put the routes on its variants, or on the enum for all of them",
                "publish",
            )],
        ),
        (
            "#[frame] #[route(one_of = E)] struct S { a: u8 }",
            &[(
                "this frame has no body whose variants have routes: say here what it means, `publish(\"topic\")`, `ignore`, ..",
                "one_of",
            )],
        ),
        (
            "#[wire(tag = u8)] #[route(profile = p, publish(\"t\", payload = a))] #[route(profile = p, deliver(\"t\", answer, payload = with(f)))] enum B { #[wire(tag = 1)] #[route(ignore)] A { a: u8 } }",
            &[
                (
                    "not all variants have a field `a`: the payload is `json`, `frame`, `raw`, `hex` or `with(FUNCTION)`",
                    "\"t\"",
                ),
                ("each variant says itself how its answer is known: move `answer` to its `deliver`", "\"t\""),
            ],
        ),
    ]);
}
