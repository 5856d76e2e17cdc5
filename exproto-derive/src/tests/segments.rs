//! Rules about messages that arrive in several frames.

use super::mistakes;

#[test]
fn segments_are_joined_into_a_body_or_a_field_of_bytes() {
    mistakes(&[
        (
            "#[frame(start = b\"<\", end = b\">\", unescaped, max = 9, reassemble(key = a, index = part.index, total = part.total, into = body))] struct S { a: u8, #[wire(if = a > 1)] part: Option<Part>, body: Body }",
            &[(
                "segments are joined into a body, and no `tag(..)` selects `body`: add `before(id: u16 = tag(body))`",
                "body",
            )],
        ),
        (
            "#[frame(start = b\"<\", end = b\">\", unescaped, max = 9, reassemble(key = a, index = part.index, total = part.total, into = bdy))] struct S { #[wire(before(id: u8 = tag(body)))] a: u8, part: Part, body: Body }",
            &[("no field `bdy` here; did you mean `body`?", "bdy")],
        ),
        (
            "#[frame(start = b\"<\", end = b\">\", unescaped, max = 9, reassemble(key = a, index = part.index, total = part.total, into = body))] struct S { #[wire(before(id: u8 = tag(body)))] a: u8, part: Part, body: Body }",
            &[(
                "every frame has `part`, so every frame would be a segment: make it an `Option`, or say when the body is one, `#[wire(opaque = CONDITION)]`",
                "part",
            )],
        ),
        (
            "#[frame(start = b\"<\", end = b\">\", unescaped, max = 9, reassemble(key = a, index = n, total = all, into = body))] struct S { #[wire(before(id: u8 = tag(body)))] a: u8, n: u8, all: u8, #[wire(opaque = all > 1)] body: Body }",
            &[],
        ),
        (
            "#[frame(start = b\"<\", end = b\">\", unescaped, max = 9, reassemble(key = a, index = prt.index, total = part.total, into = body))] struct S { #[wire(before(id: u8 = tag(body)))] a: u8, #[wire(if = a > 1)] part: Option<Part>, body: Body }",
            &[("no field `prt` here; did you mean `part`?", "prt")],
        ),
        (
            "#[frame(start = b\"<\", end = b\">\", unescaped, max = 9, reassemble(key = a, index = n, total = all, into = data))] struct S<'a> { a: u8, n: u8, all: u8, #[wire(rest)] data: &'a [u8] }",
            &[],
        ),
        (
            "#[frame(start = b\"<\", end = b\">\", unescaped, max = 9, reassemble(key = (), index = body.n, total = body.all, into = body.data))] struct S { #[wire(before(id: u8 = tag(body)))] a: u8, body: Body }",
            &[(
                "`body` is an enum, and its variants have fields of their own: say which one has `data`, `of = BODY::VARIANT`",
                "body",
            )],
        ),
        (
            "#[frame(start = b\"<\", end = b\">\", unescaped, max = 9, reassemble(of = Body::Photo, key = (), index = body.n, total = body.all, into = body))] struct S { #[wire(before(id: u8 = tag(body)))] a: u8, body: Body }",
            &[(
                "`of` names the variant whose field the segments are joined to: write `into = body.FIELD`, or remove `of`",
                "Body::Photo",
            )],
        ),
        (
            "#[frame(start = b\"<\", end = b\">\", unescaped, max = 9, reassemble(of = Body::Photo, key = (), index = body.n, first = 0, last = body.end, into = body.data))] struct S { #[wire(before(id: u8 = tag(body)))] a: u8, body: Body }",
            &[],
        ),
    ]);
}

#[test]
fn a_segment_says_where_it_belongs() {
    mistakes(&[
        (
            "#[frame(start = b\"<\", end = b\">\", unescaped, max = 9, reassemble(key = a, index = n, into = data))] struct S<'a> { a: u8, n: u8, all: u8, #[wire(rest)] data: &'a [u8] }",
            &[(
                "`reassemble` needs `total = ..`, or `last = ..` where only the last segment says that it is",
                "reassemble",
            )],
        ),
        (
            "#[frame(start = b\"<\", end = b\">\", unescaped, max = 9, reassemble(key = a, offset = n, into = data))] struct S<'a> { a: u8, n: u8, all: u8, #[wire(rest)] data: &'a [u8] }",
            &[(
                "`reassemble` needs `size = ..`, or `last = ..` where only the last segment says that it is",
                "reassemble",
            )],
        ),
        (
            "#[frame(start = b\"<\", end = b\">\", unescaped, max = 9, reassemble(key = a, total = all, into = data))] struct S<'a> { a: u8, n: u8, all: u8, #[wire(rest)] data: &'a [u8] }",
            &[("`reassemble` needs `index = ..`", "reassemble")],
        ),
        (
            "#[frame(start = b\"<\", end = b\">\", unescaped, max = 9, reassemble(index = n, total = all, into = data))] struct S<'a> { a: u8, n: u8, all: u8, #[wire(rest)] data: &'a [u8] }",
            &[("`reassemble` needs `key = ..`", "reassemble")],
        ),
        (
            "#[frame(start = b\"<\", end = b\">\", unescaped, max = 9, reassemble(key = a, index = n, total = all))] struct S<'a> { a: u8, n: u8, all: u8, #[wire(rest)] data: &'a [u8] }",
            &[("`reassemble` needs `into = ..`", "reassemble")],
        ),
        (
            "#[frame(start = b\"<\", end = b\">\", unescaped, max = 9, reassemble(key = a, index = n, offset = n, total = all, into = data))] struct S<'a> { a: u8, n: u8, all: u8, #[wire(rest)] data: &'a [u8] }",
            &[("a segment has a number or a place among the bytes: give `index` or `offset`", "n")],
        ),
        (
            "#[frame(start = b\"<\", end = b\">\", unescaped, max = 9, reassemble(key = a, index = n, size = all, into = data))] struct S<'a> { a: u8, n: u8, all: u8, #[wire(rest)] data: &'a [u8] }",
            &[("segments have numbers here: `total` says how many there are", "all")],
        ),
        (
            "#[frame(start = b\"<\", end = b\">\", unescaped, max = 9, reassemble(key = a, offset = n, total = all, into = data))] struct S<'a> { a: u8, n: u8, all: u8, #[wire(rest)] data: &'a [u8] }",
            &[("the message is told by its bytes here: `size` says how many there are", "all")],
        ),
        (
            "#[frame(start = b\"<\", end = b\">\", unescaped, max = 9, reassemble(key = a, index = n, total = all, last = a > 1, into = data))] struct S<'a> { a: u8, n: u8, all: u8, #[wire(rest)] data: &'a [u8] }",
            &[("where `total` is known, so is the last segment: remove `last`", "a > 1")],
        ),
        (
            "#[frame(start = b\"<\", end = b\">\", unescaped, max = 9, reassemble(key = a, index = n, index = a, total = all, into = data))] struct S<'a> { a: u8, n: u8, all: u8, #[wire(rest)] data: &'a [u8] }",
            &[("`index` is given twice; remove one", "index")],
        ),
        (
            "#[frame(start = b\"<\", end = b\">\", unescaped, max = 9, reassemble(key = a, index = n, first = 9999999999, total = all, into = data))] struct S<'a> { a: u8, n: u8, all: u8, #[wire(rest)] data: &'a [u8] }",
            &[("write the number of the first segment: `first = 0`", "9999999999")],
        ),
        (
            "#[frame(start = b\"<\", end = b\">\", unescaped, max = 9, reassemble(key = a, number = n, total = all, into = data))] struct S<'a> { a: u8, n: u8, all: u8, #[wire(rest)] data: &'a [u8] }",
            &[(
                "`reassemble` has no key `number`; its keys are: key, index, first, offset, total, size, last, into, of",
                "number",
            )],
        ),
    ]);
}

#[test]
fn segments_are_answered_where_there_are_some() {
    mistakes(&[
        (
            "#[frame(start = b\"<\", end = b\">\", unescaped, max = 9)] #[route(gateway, anonymous, ignore, segment = taken, missing = again)] struct S { a: u8 }",
            &[
                (
                    "no message arrives in several of these frames, so `segment` is never called: add `#[frame(reassemble(..))]`, or remove it",
                    "segment",
                ),
                (
                    "no message arrives in several of these frames, so `missing` is never called: add `#[frame(reassemble(..))]`, or remove it",
                    "missing",
                ),
            ],
        ),
        (
            "#[frame(start = b\"<\", end = b\">\", unescaped, max = 9)] #[route(segment = taken)] struct S { a: u8 }",
            &[("`segment` belongs to a gateway: write `#[route(gateway, segment = ..)]`", "segment")],
        ),
    ]);
}
