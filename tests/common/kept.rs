//! What has to hold for every payload, whatever it says.

use exproto_runtime::codec::{Deframer, ErrorKind, Item, explain, explain_item, reencode, to_json};
use serde_json::Value as Json;

use super::{Message, hex, wrap};

/// Reads and writes again, and draws the picture if wanted; whether it could be
/// read.
#[track_caller]
pub fn kept(payload: &[u8], accept_bad: bool, drawn: bool) -> bool {
    let wire = wrap(payload);
    let mut deframer = Deframer::<Message>::new().accepting_bad(accept_bad);
    let (mut scratch, mut input) = (Vec::new(), &wire[..]);
    let Some(item) = deframer.next(&mut input, &mut scratch) else {
        assert!(payload.is_empty(), "nothing found in {}", hex(&wire));
        return false;
    };
    let raw = match item {
        Item::Frame(raw) => raw,
        Item::Bad(bad) => {
            assert!(!explain_item::<Message>(&item).to_string().is_empty());
            assert_eq!(
                bad.error.kind(),
                if payload.is_empty() { ErrorKind::Short } else { ErrorKind::Checksum }
            );
            return false;
        }
    };
    assert_eq!(raw.payload, payload);
    let explanation = drawn.then(|| explain::<Message>(&raw));
    let received = match raw.decode::<Message>() {
        Ok(received) => received,
        Err(error) => {
            assert!(error.offset() as usize <= payload.len(), "{error} in {}", hex(payload));
            if let Some(explanation) = explanation {
                assert_eq!(
                    explanation.failure().map(|failure| failure.error),
                    Some(error),
                    "{}",
                    hex(payload)
                );
                assert!(explanation.to_string().contains(error.kind().sentence()), "{explanation}");
            }
            return false;
        }
    };
    if let Some(explanation) = explanation {
        let picture = explanation.to_string();
        for flag in received.flags.iter() {
            let told = explanation.oddities().iter().any(|oddity| oddity.flag == flag);
            assert!(
                told && picture.contains(flag.sentence()),
                "{flag:?} is not explained: {}\n{picture}",
                hex(payload)
            );
        }
    }
    let mut again = Vec::new();
    if let Err(error) = reencode::<Message>(&received, &raw, &mut again) {
        panic!("cannot be written again: {error}: {}\n{:?}", hex(payload), received.frame);
    }
    assert!(again == wire, "received {}\nwritten  {}\n{:?}", hex(&wire), hex(&again), received.frame);
    let mut json = Vec::new();
    to_json(&received.frame, &mut json);
    if let Err(error) = serde_json::from_slice::<Json>(&json) {
        panic!("no JSON: {error}: {}: {}", hex(payload), String::from_utf8_lossy(&json));
    }
    true
}

/// Makes the length field say what is there, if there is room for it.
pub fn repair_length(payload: &mut [u8]) {
    let Some(flags) = payload.get(2) else { return };
    let header = if flags & 0x40 == 0 { 12 } else { 17 } + if flags & 0x20 == 0 { 0 } else { 4 };
    let Some(body) = payload.len().checked_sub(header + 1).filter(|body| *body < 1024) else { return };
    payload[2] = payload[2] & 0xFC | (body >> 8) as u8;
    payload[3] = body as u8;
}
