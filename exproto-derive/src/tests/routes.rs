//! What frames mean to MQTT.

use super::mistakes;

#[test]
fn every_variant_says_what_it_means() {
    mistakes(&[
        (
            "enum E { #[wire(tag = 1)] #[route(ignore)] A, #[wire(tag = 2)] B }",
            &[(
                "`B` has no route: add `#[route(ignore)]`, or `#[route(sent)]` if only the gateway sends it",
                "B",
            )],
        ),
        (
            "enum E { #[wire(tag = 1)] #[route()] A }",
            &[(
                "`A` has no route: add `#[route(ignore)]`, or `#[route(sent)]` if only the gateway sends it",
                "A",
            )],
        ),
        (
            "enum E { #[wire(tag = 1)] #[route(publish(\"a\"))] A, #[wire(tag = 2)] #[route(publish(\"b\"))] B }",
            &[(
                "no frame logs the device in: add an `auth(client_id = \"{..}\")` route, or `#[route(anonymous)]` to the enum",
                "publish",
            )],
        ),
        ("#[route(anonymous)] enum E { #[wire(tag = 1)] #[route(publish(\"a\"))] A }", &[]),
        (
            "enum E { #[wire(tag = 1)] #[route(publsh(\"a\"))] A, #[wire(tag = 2)] #[route(publish(\"a\"))] B }",
            &[("`#[route]` has no key `publsh`; did you mean `publish`?", "publsh")],
        ),
        (
            "#[route(anonymous)] enum E { #[wire(tag = 1)] A }",
            &[("no variant of this enum has a route: add them, or remove `anonymous`", "anonymous")],
        ),
    ]);
}

#[test]
fn the_connection_gives_the_context_of_a_frame() {
    mistakes(&[
        (
            "#[frame(datagram)] #[wire(ctx(key: u8))] #[route(gateway, anonymous, ignore)] struct S { #[wire(if = key > 1)] a: Option<u8>, b: u8 }",
            &[(
                "the connection has to say what `key` is: add `#[route(ctx = FUNCTION)]`, with `fn FUNCTION(cx: &Cx<'_, STATE>) -> SCtx`",
                "key",
            )],
        ),
        (
            "#[frame(one_of)] #[wire(ctx(key: u8))] #[route(gateway)] enum E { A(#[wire(ctx(key))] A) }",
            &[(
                "the connection has to say what `key` is: add `#[route(ctx = FUNCTION)]`, with `fn FUNCTION(cx: &Cx<'_, STATE>) -> ECtx`",
                "key",
            )],
        ),
        (
            "#[frame] #[route(gateway, anonymous, ignore, ctx = f)] struct S { a: u8 }",
            &[("`S` takes no context: add `#[wire(ctx(name: TYPE))]`, or remove `ctx`", "ctx")],
        ),
        (
            "#[frame] #[wire(ctx(key: u8))] #[route(one_of = E, ignore, ctx = f)] struct S { a: u8 }",
            &[(
                "the enum asks the connection: put `ctx` there, and `#[wire(ctx(name))]` on the field that holds this frame",
                "ctx",
            )],
        ),
        (
            "#[frame] #[wire(ctx(key: u8))] #[route(ctx = f)] struct S { a: u8 }",
            &[("`ctx` belongs to a gateway: write `#[route(gateway, ctx = ..)]`", "ctx")],
        ),
    ]);
}

#[test]
fn routes_do_not_contradict_each_other() {
    mistakes(&[
        (
            "#[route(anonymous)] enum E { #[wire(tag = 1)] #[route(sent, publish(\"a\"))] A }",
            &[(
                "a frame that is only ever sent never arrives, so `publish` has nothing to act on: remove one of the two",
                "sent",
            )],
        ),
        (
            "enum E { #[wire(tag = 1)] #[route(sent, ignore)] A }",
            &[(
                "`ignore` is for frames that arrive, `sent` for those that never do: remove one of the two",
                "sent",
            )],
        ),
        (
            "enum E { #[wire(tag = 1)] #[route(ignore, reply = f)] A }",
            &[("`ignore` means that nothing happens, but there is `reply`: remove one of the two", "ignore")],
        ),
        ("#[route(anonymous)] enum E { #[wire(tag = 1)] #[route(heartbeat, publish(\"a\"))] A }", &[]),
        (
            "enum E { #[wire(tag = 1)] #[route(deliver(\"d\"))] A, #[wire(tag = 2)] #[route(deliver(\"d\"))] B }",
            &[("`A` takes this filter already, so `B` is never made: use another filter", "\"d\"")],
        ),
        (
            "enum E { #[wire(tag = 1)] #[route(ignore, ignore)] A }",
            &[("`ignore` is given twice; remove one", "ignore")],
        ),
    ]);
}

#[test]
fn routes_name_what_is_there() {
    mistakes(&[
        (
            "#[route(anonymous)] enum E { #[wire(tag = 1)] #[route(publish(\"a\", each = itms))] A { #[wire(rest)] items: Vec<Part> } }",
            &[("`E::A` has no field `itms`; did you mean `items`?", "itms")],
        ),
        (
            "#[route(anonymous)] enum E { #[wire(tag = 1)] #[route(publish(\"a\", each = b))] A { b: u8 } }",
            &[("`b` is no list: `each` publishes the elements of a `List` or `Vec`", "b")],
        ),
        (
            "#[route(anonymous)] enum E { #[wire(tag = 1)] #[route(publish(\"a\", payload = jsn))] A { b: u8 } }",
            &[("`E::A` has no field `jsn` to make the payload of; did you mean `json`?", "jsn")],
        ),
        (
            "#[route(anonymous)] enum E { #[wire(tag = 1)] #[route(publish(\"a\", each = b, payload = b))] A { #[wire(rest)] b: Vec<Part> } }",
            &[("with `each` the payload is the element as JSON: remove `payload`", "b")],
        ),
        (
            "enum E { #[wire(tag = 1)] #[route(deliver(\"b\", answer = a))] A { #[wire(rest)] a: Vec<Part> } }",
            &[("`a` is no number or text: `answer` names what the answer echoes of the downlink", "a")],
        ),
        (
            "#[route(anonymous)] enum E { #[wire(tag = 1)] #[route(reply(f, each = a))] A { a: u8 } }",
            &[("`a` is no list: `each` answers the elements of a `List` or `Vec`", "a")],
        ),
        (
            "#[route(anonymous)] enum E { #[wire(tag = 1)] #[route(reply(each = a))] A { #[wire(rest)] a: Vec<Part> } }",
            &[("`reply` has to say what the reply is: `reply(FUNCTION, each = LIST)`", "reply")],
        ),
        (
            "#[route(anonymous)] enum E { #[wire(tag = 1)] #[route(reply(f, every = a))] A { #[wire(rest)] a: Vec<Part> } }",
            &[("`reply` has no key `every`; there is only `each`", "every")],
        ),
        (
            "#[route(anonymous)] enum E { #[wire(tag = 1)] #[route(deliver(\"b\", payload = tetx))] A { text: u8 } }",
            &[("`E::A` has no field `tetx` to make of the payload; did you mean `text`?", "tetx")],
        ),
        (
            "#[route(anonymous)] enum E { #[wire(tag = 1)] #[route(deliver(\"b\", payload = a))] A { a: u8, b: u8 } }",
            &[(
                "the payload is `a` alone, so there is nothing to make `b` of: remove `payload`, and the payload is JSON with both",
                "a",
            )],
        ),
        (
            "enum E { #[wire(tag = 1)] #[route(answers = a)] A { #[wire(rest)] a: Vec<Part> } }",
            &[("`a` is no number or text: `answers` names what the answer echoes of the downlink", "a")],
        ),
    ]);
}

#[test]
fn templates_are_well_formed() {
    mistakes(&[
        (
            "#[route(anonymous)] enum E { #[wire(tag = 1)] #[route(publish(\"a/#\"))] A }",
            &[(
                "`#` stands only in filters: a topic to publish on names one place, for example with `{client_id}`",
                "\"a/#\"",
            )],
        ),
        (
            "#[route(anonymous)] enum E { #[wire(tag = 1)] #[route(publish(\"a/{b\"))] A }",
            &[("a `{` without its `}`: a placeholder is written `{field}`", "\"a/{b\"")],
        ),
        (
            "#[route(anonymous)] enum E { #[wire(tag = 1)] #[route(publish(\"$share/g/a\"))] A }",
            &[("`$share` stands only in filters: publish on the topic behind the group", "\"$share/g/a\"")],
        ),
        (
            "enum E { #[wire(tag = 1)] #[route(subscribe(\"a/#/b\"))] A }",
            &[("`#` stands alone in the last level of a filter: `site/#`", "\"a/#/b\"")],
        ),
        (
            "enum E { #[wire(tag = 1)] #[route(subscribe(\"$share/g\"))] A }",
            &[("a shared subscription is written `$share/GROUP/FILTER`", "\"$share/g\"")],
        ),
        (
            "enum E { #[wire(tag = 1)] #[route(deliver(\"a/{serial}\"))] A { serial: u8 } }",
            &[(
                "`{serial}` is not known when the filter is subscribed: there are `{client_id}`, `{peer}`, `{listener}`, `{login.FIELD}` that `auth(.., keep(FIELD))` has kept, `{state.FIELD}`, `{param.NAME}` and `{certificate.PART}`; a level that the topic gives is `{+name}`",
                "\"a/{serial}\"",
            )],
        ),
        (
            "#[route(anonymous)] enum E { #[wire(tag = 1)] #[route(publish(\"a\", qos = 3))] A }",
            &[("MQTT has no QoS 3: write 0, 1 or 2", "3")],
        ),
        (
            "enum E { #[wire(tag = 1)] #[route(auth(username = \"a\"))] A }",
            &[("`auth` has to say who the device is: `auth(client_id = \"{field}\")`", "auth")],
        ),
    ]);
}

#[test]
fn gateways_are_frames_with_a_body() {
    mistakes(&[
        (
            "#[route(gateway)] struct S { a: u8 }",
            &[(
                "`#[route]` goes on the outermost type: add `#[frame(..)]` here, or put the route there",
                "route",
            )],
        ),
        (
            "#[frame(flag = 0x7E, escape(0x7D: 1 => 0x7D, 2 => 0x7E), max = 9)] #[route(gateway)] struct S { a: u8 }",
            &[(
                "a gateway has a body whose variants have routes: add `before(id: u16 = tag(body))` and an enum as `body`",
                "gateway",
            )],
        ),
        (
            "#[frame(flag = 0x7E, escape(0x7D: 1 => 0x7D, 2 => 0x7E), max = 9)] #[route(state = X)] struct S { #[wire(before(id: u8 = tag(a)))] a: Body }",
            &[("`state` belongs to a gateway: write `#[route(gateway, state = ..)]`", "state")],
        ),
        (
            "#[frame(flag = 0x7E, escape(0x7D: 1 => 0x7D, 2 => 0x7E), max = 9)] #[route] struct S { #[wire(before(id: u8 = tag(a)))] a: Body }",
            &[("this says nothing: write `#[route(gateway)]`, or remove it", "route")],
        ),
        (
            "#[wire(bits = u8)] #[route(gateway)] struct S { #[wire(bits = 8)] a: u8 }",
            &[(
                "this type is one integer, no frame: `#[route]` goes on the frame and on the variants of its body",
                "route",
            )],
        ),
        (
            "struct S { #[route(ignore)] a: u8, #[frame] b: u8 }",
            &[
                (
                    "`#[route]` does not go on a field: routes stand on the frame and on the variants of its body",
                    "route",
                ),
                ("`#[frame]` goes on a struct, the outermost type of the protocol, not on a field", "frame"),
            ],
        ),
        (
            "enum E { #[frame(flag = 1)] #[wire(tag = 1)] A(u8) }",
            &[("`#[frame]` goes on a struct, the outermost type of the protocol, not on a variant", "frame")],
        ),
    ]);
}

#[test]
fn profiles_say_something_of_what_is_there() {
    let with = |route: &str| {
        format!(
            "#[route(anonymous)] enum E {{ #[wire(tag = 1)] #[route(publish(\"a\"))] {route} A {{ x: u8 }} }}"
        )
    };
    let cases: &[(&str, &str, &str)] = &[
        (
            "#[route(profile = old)]",
            "the profile `old` says nothing here: add its routes, `#[route(profile = old, publish(\"topic\"))]`",
            "old",
        ),
        (
            "#[route(publish(\"b\"), profile = old)]",
            "`profile` comes first, before the routes that belong to it: `#[route(profile = old, ..)]`",
            "profile",
        ),
        (
            "#[route(profile = old, publsh(\"b\"))]",
            "a profile has no key `publsh`; did you mean `publish`?",
            "publsh",
        ),
        (
            "#[route(profile = old, heartbeat)]",
            "`heartbeat` is the same under all profiles: give it without `profile`. Here a profile has: publish, subscribe, unsubscribe, deliver, reply, with",
            "heartbeat",
        ),
        (
            "#[route(profile = old, publish(\"b\"), publish = none)]",
            "`publish` is given and is `none`; remove one",
            "publish",
        ),
        (
            "#[route(profile = old, publish(\"b\", payload = y))]",
            "`E::A` has no field `y` to make the payload of; did you mean `x`?",
            "y",
        ),
    ];
    for (route, message, token) in cases {
        let found = super::mistakes_in(&with(route));
        assert_eq!(found, [((*message).to_owned(), (*token).to_owned())], "{route}");
    }
    mistakes(&[
        (
            "enum E { #[wire(tag = 1)] #[route(ignore)] #[route(profile = old, publish(\"b\"))] A }",
            &[
                (
                    "no frame logs the device in: add an `auth(client_id = \"{..}\")` route, or `#[route(anonymous)]` to the enum",
                    "publish",
                ),
                (
                    "`ignore` means that nothing happens, but there is `publish`: remove one of the two",
                    "publish",
                ),
            ],
        ),
        (
            "#[route(anonymous)] #[route(profile = old, publish(\"b\", each = list), deliver(\"c\"))] enum E { #[wire(tag = 1)] #[route(publish(\"a\"))] A }",
            &[
                ("`each` is for one variant: not all of them have this list", "list"),
                (
                    "the topic does not say which variant a message becomes: a function does, `payload = with(FUNCTION)`",
                    "\"c\"",
                ),
            ],
        ),
        (
            "#[route(anonymous)] #[route(profile = old, deliver(\"c\", payload = with(f)))] enum E { #[wire(tag = 1)] #[route(deliver(\"a\"))] #[route(profile = old, deliver(\"c\"))] A }",
            &[("`E` takes this filter already, so `A` is never made: use another filter", "\"c\"")],
        ),
    ]);
}

#[test]
fn only_a_gateway_asks() {
    mistakes(&[
        (
            "#[frame] #[route(poll = f)] struct S { a: u8 }",
            &[("`poll` belongs to a gateway: write `#[route(gateway, poll = ..)]`", "poll")],
        ),
        (
            "#[frame(one_of)] #[route(request = Point)] enum E { A(A) }",
            &[("`request` belongs to a gateway: write `#[route(gateway, request = ..)]`", "request")],
        ),
        (
            "#[frame] #[route(one_of = E, ignore, poll = f, unanswered = g)] struct S { a: u8 }",
            &[
                ("the enum is the gateway: put `poll` there", "poll"),
                ("the enum is the gateway: put `unanswered` there", "unanswered"),
            ],
        ),
        ("#[frame] #[route(gateway, anonymous, ignore, unanswered = f)] struct S { a: u8 }", &[]),
        (
            "#[frame] #[route(gateway, anonymous, publish(\"a\", include(a), payload = hex), publish(\"b\", include(a)))] struct S { a: u8 }",
            &[
                (
                    "`include` adds to the JSON of the variant or of an element: remove `payload`, or `include`",
                    "a",
                ),
                ("`a` is in the payload already: remove it", "a"),
            ],
        ),
        (
            "#[frame] #[route(gateway, anonymous, publish(\"a\", each = l, include(a, l)))] struct S { a: u8, #[wire(count = prefix(u8))] l: Vec<Item> }",
            &[("the elements of `l` are the payloads: include others", "l")],
        ),
        (
            "#[frame] #[route(gateway, anonymous, publish(\"a\"), last = a != 1)] struct S { a: u8 }",
            &[(
                "`last` says whether an answer ends with this frame, and it answers nothing: add `answers = FIELD`",
                "last",
            )],
        ),
        (
            "#[frame] #[route(gateway, anonymous, publish(\"a\"), answers = a, last = a != 1)] struct S { a: u8 }",
            &[],
        ),
        ("#[frame] #[route(gateway, anonymous, ignore, poll = f, unanswered = f)] struct S { a: u8 }", &[]),
        ("#[frame] #[route(gateway, anonymous, ignore, poll(f, before_login))] struct S { a: u8 }", &[]),
        (
            "#[frame] #[route(gateway, anonymous, ignore, poll(f, early))] struct S { a: u8 }",
            &[("write `before_login`, or nothing", "early")],
        ),
        (
            "#[frame] #[route(gateway, anonymous, ignore, poll(f, before_login, x))] struct S { a: u8 }",
            &[("unexpected here: `poll(FUNCTION, before_login)` is complete before this", ",")],
        ),
    ]);
}

#[test]
fn an_answer_is_to_what_is_sent() {
    mistakes(&[
        ("enum E { #[wire(tag = 1)] #[route(sent, answer = a)] A { a: u8 } }", &[]),
        (
            "enum E { #[wire(tag = 1)] #[route(heartbeat, answer = a)] A { a: u8 } }",
            &[(
                "`answer` is for frames that go to the device: add `sent` or `deliver(\"filter\")`, or write `answers` on the device's own frame",
                "answer",
            )],
        ),
        (
            "enum E { #[wire(tag = 1)] #[route(sent, answer = a)] A { #[wire(rest)] a: Vec<Part> } }",
            &[("`a` is no number or text: `answer` names what the answer echoes of the downlink", "a")],
        ),
        (
            "enum E { #[wire(tag = 1)] #[route(deliver(\"a\", answer = a), answer)] A { a: u8 } }",
            &[("`deliver` says already how the answer is known: remove one of the two", "answer")],
        ),
        (
            "enum E { #[wire(tag = 1)] #[route(deliver(\"a/{request.a}\"))] A { a: u8 } }",
            &[(
                "`{request.a}` is not known when the filter is subscribed: there are `{client_id}`, `{peer}`, `{listener}`, `{login.FIELD}` that `auth(.., keep(FIELD))` has kept, `{state.FIELD}`, `{param.NAME}` and `{certificate.PART}`; a level that the topic gives is `{+name}`",
                "\"a/{request.a}\"",
            )],
        ),
    ]);
}

#[test]
fn frames_within_a_frame_are_a_list() {
    mistakes(&[
        (
            "enum E { #[wire(tag = 1)] #[route(inner = a)] A { a: u8 } }",
            &[("`a` is no list: `inner` runs the routes of the elements of a `List` or `Vec`", "a")],
        ),
        (
            "enum E { #[wire(tag = 1)] #[route(inner(packages, reply = f))] A { #[wire(rest)] a: Vec<Part> } }",
            &[("`E::A` has no field `packages`; there are: a", "packages")],
        ),
        (
            "enum E { #[wire(tag = 1)] #[route(inner(a, answer = f))] A { #[wire(rest)] a: Vec<Part> } }",
            &[("`inner` has no key `answer`; its keys are: reply, replies", "answer")],
        ),
        (
            "enum E { #[wire(tag = 1)] #[route(inner(a, reply = f, replies = g))] A { #[wire(rest)] a: Vec<Part> } }",
            &[("replies go out one by one or together: give `reply` or `replies`", "replies")],
        ),
        (
            "enum E { #[wire(tag = 1)] #[route(sent, lookup = f)] A { a: u8 } }",
            &[(
                "a frame that is only ever sent never arrives, so `lookup` has nothing to act on: remove one of the two",
                "sent",
            )],
        ),
    ]);
}

#[test]
fn topics_speak_of_elements_only_where_there_are_some() {
    mistakes(&[
        (
            "#[route(anonymous)] enum E { #[wire(tag = 1)] #[route(publish(\"a/{item.b}\"))] A { b: u8 } }",
            &[("`{item.b}` speaks of an element of a list: say which list, `each = LIST`", "\"a/{item.b}\"")],
        ),
        (
            "#[route(anonymous)] enum E { #[wire(tag = 1)] #[route(subscribe(\"a/{item.b}\", each = c))] A { #[wire(rest)] b: Vec<u8>, } }",
            &[("`E::A` has no field `c`; did you mean `b`?", "c")],
        ),
        (
            "#[route(anonymous)] enum E { #[wire(tag = 1)] #[route(publish(\"a/{item.b.0}\", each = b))] A { #[wire(rest)] b: Vec<T> } }",
            &[],
        ),
        (
            "#[route(anonymous)] enum E { #[wire(tag = 1)] #[route(publish(\"{item.a}\"))] A { item: Part } }",
            &[],
        ),
        (
            "#[route(anonymous)] enum E { #[wire(tag = 1)] #[route(publish(\"{a..b}\"))] A { a: Part } }",
            &[(
                "`{a..b}` is no placeholder: write the name of a field, such as `{serial}` or `{head.serial}`",
                "\"{a..b}\"",
            )],
        ),
        (
            "#[route(anonymous)] enum E { #[wire(tag = 1)] #[route(unsubscribe(\"a\", qos = 1))] A }",
            &[("`unsubscribe` has no key `qos`; there is only `each`", "qos")],
        ),
    ]);
}

#[test]
fn levels_of_topics_stand_in_filters_of_messages() {
    mistakes(&[
        ("enum E { #[wire(tag = 1)] #[route(deliver(\"a/{+b}/{+c}\"))] A { b: u8 } }", &[]),
        (
            "#[route(anonymous)] enum E { #[wire(tag = 1)] #[route(publish(\"a/{+b}\"))] A { b: u8 } }",
            &[(
                "`{+b}` is a level that the topic of a message gives: it stands in the filter of a `deliver`",
                "\"a/{+b}\"",
            )],
        ),
        (
            "enum E { #[wire(tag = 1)] #[route(deliver(\"a/x{+b}\"))] A { b: u8 } }",
            &[("`+` stands alone in a level of a filter: `site/+/up`", "\"a/x{+b}\"")],
        ),
        (
            "enum E { #[wire(tag = 1)] #[route(deliver(\"a/{+b}/{+b}\"))] A { b: u8 } }",
            &[("the level `{+b}` is given twice: name them apart", "\"a/{+b}/{+b}\"")],
        ),
        (
            "enum E { #[wire(tag = 1)] #[route(deliver(\"a/{+b}\"))] A, #[wire(tag = 2)] #[route(deliver(\"a/+\"))] B }",
            &[("`A` takes this filter already, so `B` is never made: use another filter", "\"a/+\"")],
        ),
    ]);
}

#[test]
fn an_enum_says_what_holds_for_all_its_variants() {
    mistakes(&[
        (
            "#[route(auth(client_id = \"{a}\"), publish(\"b\"))] enum E { #[wire(tag = 1)] A, #[wire(tag = 2)] #[route(publish = none)] B, #[wire(tag = 3)] #[route(sent)] C }",
            &[],
        ),
        // One mistake is said once, however many variants share it.
        (
            "#[route(anonymous, publish(\"a/#\"))] enum E { #[wire(tag = 1)] A, #[wire(tag = 2)] B }",
            &[(
                "`#` stands only in filters: a topic to publish on names one place, for example with `{client_id}`",
                "\"a/#\"",
            )],
        ),
        (
            "#[route(anonymous, publish(\"a\"))] enum E { #[wire(tag = 1)] #[route(reply = none)] A }",
            &[(
                "`reply = none` takes back what the enum says of all variants, and it says no `reply`: remove it",
                "reply",
            )],
        ),
        (
            "#[route(anonymous, publish(\"a\"))] enum E { #[wire(tag = 1)] #[route(publish = none, publish(\"b\"))] A }",
            &[("`publish` is given and is `none`; remove one", "publish")],
        ),
        (
            "#[route(anonymous, publish = none, reply = f)] enum E { #[wire(tag = 1)] A }",
            &[(
                "what is said of all variants is taken back on a variant: `publish = none` goes there",
                "publish",
            )],
        ),
        (
            "#[frame(datagram)] #[route(gateway, anonymous, publish = none, reply = f)] struct S { a: u8 }",
            &[(
                "`publish = none` takes back what the enum says of all variants, and it says no `publish`: remove it",
                "publish",
            )],
        ),
        (
            "#[route(heartbeat)] enum E { #[wire(tag = 1)] #[route(ignore)] A }",
            &[(
                "`heartbeat` does not go on an enum; the keys of `#[route]` there are: auth, publish, subscribe, unsubscribe, reply, with, anonymous, login_elsewhere, profile, frames",
                "heartbeat",
            )],
        ),
    ]);
}

#[test]
fn answers_name_what_they_answer() {
    mistakes(&[
        (
            "enum E { #[wire(tag = 1)] #[route(heartbeat, answers(b, c))] A, #[wire(tag = 2)] #[route(deliver(\"b\", answer))] B, #[wire(tag = 3)] #[route(sent, answer)] C }",
            &[],
        ),
        (
            "enum E { #[wire(tag = 1)] #[route(heartbeat, answers())] A }",
            &[("`answers(..)` names the downlinks, in snake case: `answers(set_limit)`", "answers")],
        ),
    ]);
}

#[test]
fn values_have_few_forms() {
    mistakes(&[
        (
            "#[route(anonymous)] enum E { #[wire(tag = 1)] #[route(publish(\"{a:04X}/{a|none}/{ a : 015 | - }/{client_id:x}\"))] A { a: u8 } }",
            &[],
        ),
        (
            "#[route(anonymous)] enum E { #[wire(tag = 1)] #[route(publish(\"{a:15}\"))] A { a: u8 } }",
            &[(
                "`15` is no format: `:015` fills up with zeros to 15 characters, `:x` and `:X` are hexadecimal digits, `:04X` is both",
                "\"{a:15}\"",
            )],
        ),
        (
            "#[route(anonymous)] enum E { #[wire(tag = 1)] #[route(publish(\"{a:065}\"))] A { a: u8 } }",
            &[("65 characters are more than the 64 that a value may be filled up to", "\"{a:065}\"")],
        ),
        (
            "#[route(anonymous)] enum E { #[wire(tag = 1)] #[route(publish(\"{a|x/y}\"))] A { a: u8 } }",
            &[(
                "behind `|` stands what a missing value is replaced by, letters, digits, `-`, `_` and `.`: `{a|none}`",
                "\"{a|x/y}\"",
            )],
        ),
        (
            "#[route(anonymous)] enum E { #[wire(tag = 1)] #[route(publish(\"{a:x}/{b:X}\"))] A { a: i8, #[wire(rest, as = Ascii)] b: TextBuf } }",
            &[
                ("`a` is no unsigned integer, so `:x` has no digits for it", "\"{a:x}/{b:X}\""),
                ("`b` is no unsigned integer, so `:X` has no digits for it", "\"{a:x}/{b:X}\""),
            ],
        ),
    ]);
}

#[test]
fn a_frame_shares_a_body() {
    mistakes(&[(
        "#[frame] #[route(one_of = E, shared, ignore)] struct S { a: u8 }",
        &[(
            "`shared` is about a body that other frames have too, which lists them with `frames(..)`; this frame has no body with routes: remove it",
            "shared",
        )],
    )]);
}
