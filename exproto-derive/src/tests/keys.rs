//! What stands in the brackets of a key.

use super::mistakes;

#[test]
fn routes_say_their_keys() {
    mistakes(&[
        (
            "#[frame] #[route(gateway, anonymous, publish(\"t\", qso = 1))] struct S { a: u8 }",
            &[("`publish` has no key `qso`; its keys are: qos, retain, payload, each, if, include", "qso")],
        ),
        (
            "#[frame] #[route(gateway, auth(client_id = \"1\"), subscribe(\"t\", retain))] struct S { a: u8 }",
            &[("`subscribe` has no key `retain`; its keys are: qos, each", "retain")],
        ),
        (
            "#[frame] #[route(gateway, auth(client_id = \"1\"), deliver(\"t\", each = a))] struct S { a: u8 }",
            &[("`deliver` has no key `each`; its keys are: qos, answer, payload", "each")],
        ),
        (
            "#[frame] #[route(gateway, auth(client = \"1\"))] struct S { a: u8 }",
            &[("`auth` has no key `client`; its keys are: client_id, username, password, keep", "client")],
        ),
        (
            "#[frame] #[route(gateway, anonymous, publish(topic))] struct S { a: u8 }",
            &[("the first argument is the topic, as text: `\"site/{field}/up\"`", "topic")],
        ),
        (
            "#[frame] #[route(gateway, anonymous, answers = ())] struct S { a: u8 }",
            &[("name a field that is echoed, or several: `(unit, serial)`", ")")],
        ),
        (
            "#[frame] #[route(gateway, anonymous, ignore, profiles(a, b, a))] struct S { a: u8 }",
            &[("the profile `a` is named twice; remove one", "a")],
        ),
        (
            "#[frame] #[route(gateway, anonymous, ignore, profiles())] struct S { a: u8 }",
            &[("`profiles` names at least one: `profiles(NAME)`", ")")],
        ),
        (
            "#[frame] #[route(gateway, anonymous, publish(\"a}\"))] struct S { a: u8 }",
            &[("a `}` without its `{`: a placeholder is written `{field}`", "\"a}\"")],
        ),
        (
            "#[frame] #[route(gateway, anonymous, publish(\"a\\0\"))] struct S { a: u8 }",
            &[("MQTT allows no NUL here", "\"a\\0\"")],
        ),
    ]);
}

#[test]
fn frames_say_their_keys() {
    mistakes(&[
        (
            "#[frame(flag = 0x7E, escape, max = 9)] struct S { #[wire(rest)] a: Vec<u8> }",
            &[("`escape` needs parentheses: `escape(0x7D: 0x01 => 0x7D, ..)`", "escape")],
        ),
        (
            "#[frame(blocks)] struct S { a: u8 }",
            &[(
                "`blocks` needs parentheses: `blocks(first = 8, size = 16, check: u16 = crc(\"..\", ..))`",
                "blocks",
            )],
        ),
        (
            "#[frame(resync = never)] struct S { a: u8 }",
            &[("write `resync = auto` or `resync = close`", "never")],
        ),
        (
            "#[frame(reassemble)] struct S { a: u8 }",
            &[(
                "`reassemble` needs parentheses: `reassemble(key = .., index = .., total = .., into = ..)`",
                "reassemble",
            )],
        ),
        (
            "#[frame(start = b\"\", end = b\"#\", max = 9)] struct S { a: u8 }",
            &[("write at least one byte", "b\"\"")],
        ),
    ]);
}

#[test]
fn layouts_say_their_keys() {
    mistakes(&[
        (
            "struct S { #[wire(each)] a: Vec<u8> }",
            &[("`each` needs parentheses: `each(KEYS of each element)`", "each")],
        ),
        (
            "struct S { #[wire(before)] a: u8 }",
            &[("`before` needs parentheses: `before(NAME: TYPE = RELATION)`", "before")],
        ),
        (
            "struct S { #[wire(after)] a: u8 }",
            &[("`after` needs parentheses: `after(NAME: TYPE = RELATION)`", "after")],
        ),
        (
            "struct S { #[wire(size = 2, fill = 300, as = Ascii)] a: TextBuf }",
            &[("number too large to fit in target type", "300")],
        ),
        (
            "struct S { #[wire(size = 2, fill = \"x\", as = Ascii)] a: TextBuf }",
            &[("write a byte: `0x20` or `b' '`", "\"x\"")],
        ),
        (
            "#[wire(tag = u8)] enum E { #[wire(tag = 1)] A { #[wire(tag = 1)] id: u8 } }",
            &[("`tag` on a field has no value: the field receives the tag of its variant", "tag")],
        ),
        (
            "struct S { #[wire(sentinel())] a: u8 }",
            &[("name at least one value: `sentinel(0xFF => invalid)`", ")")],
        ),
        ("#[wire(ctx(a))] struct S { b: u8 }", &[("say the type: `ctx(a: TYPE)`", "a")]),
        (
            "struct S { #[wire(bits = 4)] a: u8, #[wire(bits = 12)] b: u16 }",
            &[(
                "the container of bits has no byte order: add `#[wire(endian = big)]` or `little` to the type or the field",
                "a",
            )],
        ),
        (
            "struct S { #[wire(scale = 1 / x)] a: u8 }",
            &[(
                "write a decimal number or a ratio of two, such as `0.1`, `1e-6` or `1 / 1_800_000`",
                "1 / x",
            )],
        ),
        (
            "#[wire(endians = big)] struct S { a: u16 }",
            &[("`#[wire]` has no key `endians`; did you mean `endian`?", "endians")],
        ),
        (
            "#[wire(colour = big)] struct S { a: u8 }",
            &[(
                "`#[wire]` has no key `colour`; the keys on a struct are: endian, ctx, bits, sep, max_depth, before, after, key, crate",
                "colour",
            )],
        ),
        (
            "struct S { #[wire(before(n: u8 = size(body)))] #[wire(rest)] a: Vec<u8> }",
            &[("no field `body` here; the fields are: n, a", "body")],
        ),
        ("struct S { #[wire(before(\"x\"))] a: u8 }", &[("a constant is bytes: `b\"\\x7E\"`", "\"x\"")]),
        ("struct S { a: &'static u8 }", &[("a borrowed field is `&[u8]`, `Text` or `List`", "&'static u8")]),
        (
            "struct S { a: String }",
            &[(
                "text keeps the bytes it was received as: use `TextBuf` with `as = Ascii`, `Utf8` or `Gbk`",
                "String",
            )],
        ),
        (
            "#[wire(tag = u8)] enum E { A = N, #[wire(other)] B(u8) }",
            &[("the value has to be an integer literal", "N")],
        ),
    ]);
}
