//! Messages in several frames.

use std::time::Duration;

use exproto_runtime::session::Report;
use serde_json::{Value as Json, json};

use super::common::{hex, unhex, v2013, v2019};
use super::{Form, assert_sent, batch, logged_in, logged_in_2019, platform, published};

/// The segments of a message, with serial numbers from `serial` on.
fn segments(form: Form, serial: u16, id: u16, body: &[u8], size: usize) -> Vec<Vec<u8>> {
    let total = body.len().div_ceil(size) as u16;
    let segment =
        |(at, data): (usize, &[u8])| form(serial + at as u16).part(total, at as u16 + 1).frame(id, data);
    body.chunks(size).enumerate().map(segment).collect()
}

/// 0x0104 with 40 parameters of 30 bytes.
fn many_parameters() -> (Vec<u8>, Json) {
    let mut body = unhex("0001 28");
    let mut list = Vec::new();
    for id in 0..40_u8 {
        body.extend([0, 0, 0, id, 30]);
        body.extend([id; 30]);
        list.push(json!({"id": id, "value": hex(&[id; 30])}));
    }
    (body, json!({"serial": 1, "list": list}))
}

#[test]
fn segments_become_one_message_in_any_order() {
    let (body, expected) = many_parameters();
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for form in [v2013 as Form, v2019] {
        let frames = segments(form, 20, 0x0104, &body, 500);
        assert_eq!(frames.len(), 3);
        for order in orders {
            let mut conn = if form(0).version.is_none() { logged_in() } else { logged_in_2019() };
            for (sent, at) in order.into_iter().enumerate() {
                assert!(conn.publishes().is_empty(), "{order:?} after {sent} segments");
                conn.send(&frames[at]);
            }
            let [(topic, json)] = &published(&conn)[..] else { panic!("{order:?}: {:?}", conn.transcript()) };
            assert_eq!(*topic, format!("jt808/{}/up/parameters", conn.client_id()));
            assert_eq!(*json, expected, "{order:?}");
            let tally = conn.take_tally();
            assert_eq!((tally.segments, tally.joined, tally.segments_lost), (3, 1, 0));
        }
    }
}

#[test]
fn a_segmented_message_of_unknown_id_is_published_whole_and_answered_once() {
    let body: Vec<u8> = (0..3000_u32).map(|at| (at * 7) as u8).collect();
    let mut conn = logged_in();
    for frame in segments(v2013, 0x30, 0x0801, &body, 1023) {
        conn.send(&frame);
    }
    assert_eq!(published(&conn), [("jt808/013800138000/up/2049", json!({"id": 2049, "data": hex(&body)}))]);
    // The answer is to the frame of the first segment.
    assert_sent(&mut conn, &[platform(v2013, 1, 0x8001, &unhex("0030 0801 00"))]);
}

#[test]
fn a_segmented_batch_is_published_report_by_report() {
    let mut conn = logged_in();
    for frame in segments(v2013, 1, 0x0704, &batch(60), 400) {
        conn.send(&frame);
    }
    assert_eq!(conn.publishes().len(), 60);
    assert_eq!(conn.sent_kinds(), ["platform_ack"]);
}

#[test]
fn segments_whose_numbers_make_no_sense_are_counted_and_reported() {
    let mut conn = logged_in();
    for (total, index) in [(3, 0), (3, 4), (0, 0), (0, 1)] {
        conn.send(&v2013(1).part(total, index).frame(0x0801, b"data"));
        assert!(matches!(&conn.take_reports()[..], [Report::Segment { .. }]), "{index} of {total}");
    }
    assert_eq!(conn.take_tally().segments_lost, 4);
    assert!(conn.publishes().is_empty() && conn.sent().is_empty() && conn.is_open());
    // The only segment of one is a message.
    conn.send(&v2013(1).part(1, 1).frame(0x0801, b"data"));
    assert_eq!(conn.publishes().len(), 1);
}

#[test]
fn segments_that_are_lost_are_asked_for() {
    let (body, expected) = many_parameters();
    for (form, asked) in [(v2013 as Form, "0014 02 0001 0003"), (v2019, "0014 0002 0001 0003")] {
        let frames = segments(form, 20, 0x0104, &body, 400);
        assert_eq!(frames.len(), 4);
        let mut conn = if form(0).version.is_none() { logged_in() } else { logged_in_2019() };
        conn.send(&frames[1]).send(&frames[3]);
        assert!(conn.sent().is_empty());
        conn.advance(Duration::from_secs(5));
        assert_sent(&mut conn, &[platform(form, 1, 0x8003, &unhex(asked))]);
        conn.send(&frames[0]).send(&frames[2]);
        assert_eq!(published(&conn)[0].1, expected);
        conn.advance(Duration::from_secs(60));
        assert!(conn.sent().is_empty());
    }
}

#[test]
fn a_segment_that_is_lost_and_sent_again_completes_the_message() {
    let (body, expected) = many_parameters();
    let frames = segments(v2013, 20, 0x0104, &body, 500);
    let mut conn = logged_in();
    // The second is damaged on its way, the first comes twice.
    let mut damaged = frames[1].clone();
    damaged[30] ^= 1;
    conn.send(&frames[0]).send(&damaged).send(&frames[2]).send(&frames[0]);
    assert!(conn.publishes().is_empty());
    conn.send(&frames[1]);
    assert_eq!(published(&conn)[0].1, expected);
    assert_eq!(conn.publishes().len(), 1);
}

#[test]
fn segments_of_several_messages_may_mix() {
    let mut conn = logged_in();
    let bodies: [Vec<u8>; 2] = [vec![1; 900], vec![2; 900]];
    let a = segments(v2013, 1, 0x0801, &bodies[0], 300);
    let b = segments(v2013, 9, 0x0805, &bodies[1], 300);
    for (a, b) in a.iter().zip(&b) {
        conn.send(a).send(&v2013(50).frame(0x0002, &[])).send(b);
    }
    let data: Vec<_> = published(&conn).into_iter().map(|(_, json)| json["data"].clone()).collect();
    assert_eq!(data, [json!(hex(&bodies[0])), json!(hex(&bodies[1]))]);
}

#[test]
fn segments_that_stay_alone_are_given_up() {
    let mut conn = logged_in();
    conn.send(&v2013(1).part(2, 1).frame(0x0801, b"data"));
    conn.advance(Duration::from_secs(121));
    assert_eq!(conn.take_tally().segments_lost, 1);
    conn.send(&v2013(2).part(2, 2).frame(0x0801, b"data"));
    assert!(conn.publishes().is_empty());
    assert!(conn.is_open());
}
