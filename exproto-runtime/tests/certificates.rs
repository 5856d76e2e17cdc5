//! What routes make of the certificate that a device has shown.
#![cfg(all(feature = "derive", feature = "testkit"))]
#![allow(missing_docs, clippy::unwrap_used)]

use std::sync::Arc;

use exproto_runtime::prelude::*;
use exproto_runtime::session::{ConnInfo, PeerCertificate, SessionSettings};
use exproto_runtime::testkit::TestConn;

#[derive(ExProtoFrame, Debug)]
#[frame(max = 64)]
#[route(gateway)]
struct Message {
    #[wire(before(id: u8 = tag(body)), before(length: u8 = size(body)))]
    body: Body,
}

/// A frame's own field of that name goes on being one.
#[derive(ExProtoFrame, Debug)]
struct Own {
    name: u8,
    serial: u8,
}

#[derive(ExProtoFrame, Debug)]
#[route(anonymous)]
enum Body {
    #[wire(tag = 1)]
    #[route(publish("by/{certificate.name}/{certificate.alternative|none}/{certificate.fingerprint:08}"))]
    Shown { value: u8 },
    #[wire(tag = 2)]
    #[route(publish("own/{certificate.name}/{certificate.serial}"))]
    Own { certificate: Own },
}

fn topics(certificate: Option<PeerCertificate>, bytes: &[u8]) -> Vec<String> {
    let info = ConnInfo { certificate: certificate.map(Arc::new), ..ConnInfo::default() };
    let mut device = TestConn::<Message>::with(info, SessionSettings::default());
    device.send(bytes);
    device.publishes().iter().map(|publish| publish.topic.clone()).collect()
}

#[test]
fn topics_hold_parts_of_it() {
    let shown = PeerCertificate::new("7", "CN=7").with_fingerprint("ab");
    assert_eq!(topics(Some(shown.clone()), &[1, 1, 0]), ["by/7/none/000000ab"]);
    let shown = shown.with_alternatives(["meter.example".to_owned(), "b".to_owned()]);
    assert_eq!(topics(Some(shown), &[1, 1, 0]), ["by/7/meter.example/000000ab"]);
}

#[test]
fn a_frame_whose_topic_needs_one_that_is_not_there_is_refused() {
    assert_eq!(topics(None, &[1, 1, 0]), [""; 0]);
    // A name that would mean something in a topic, too.
    assert_eq!(topics(Some(PeerCertificate::new("a/+", "CN=a/+")), &[1, 1, 0]), [""; 0]);
}

#[test]
fn a_field_of_that_name_is_meant_first() {
    let shown = PeerCertificate::new("x", "CN=x");
    assert_eq!(topics(Some(shown), &[2, 2, 5, 6]), ["own/5/6"]);
}
