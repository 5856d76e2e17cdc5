//! The demo of EMQX's Python SDK for ExProto, with callbacks: a device is
//! logged in when it connects, hears a topic, and everything it sends is sent
//! back and published.
//!
//! ```text
//! cargo run --example callbacks -- http://127.0.0.1:9100
//! ```
//!
//! The argument is EMQX's adapter; in EMQX `handler.address` is
//! `http://127.0.0.1:9001`. Other than the demo this one gives each device a
//! client id of its own, without which each would throw out the one before.

use std::time::Duration;

use exproto_runtime::exproto::{
    Bytes, Callbacks, Connection, Done, End, ExProtoHandler, ExProtoSettings, Message,
};
use exproto_runtime::session::Credentials;

/// The handler; what all connections share would be its fields.
struct Demo;

/// What is kept for each connection.
#[derive(Default)]
struct Device {
    received: usize,
}

impl Callbacks for Demo {
    type State = Device;

    async fn on_connect(&self, conn: &Connection, _: &mut Device) -> Done {
        println!("{} has connected", conn.info().peer);
        let client_id = format!("demo-{}", conn.info().peer);
        conn.authenticate(Credentials { client_id, ..Credentials::default() }).await?;
        conn.start_timer(Duration::from_secs(60)).await?;
        conn.subscribe("t/dn", 0).await?;
        Ok(())
    }

    async fn on_received(&self, conn: &Connection, device: &mut Device, bytes: Bytes) -> Done {
        device.received += bytes.len();
        println!("{} has sent {bytes:?}", conn.info().peer);
        conn.send(bytes.clone()).await?;
        conn.publish("t/up", bytes, 0).await?;
        Ok(())
    }

    async fn on_deliver(&self, conn: &Connection, _: &mut Device, messages: Vec<Message>) -> Done {
        for message in messages {
            println!("{} hears {} on {}", conn.info().peer, message.id, message.topic);
            conn.send(message.payload).await?;
        }
        Ok(())
    }

    async fn on_terminated(&self, conn: &Connection, device: &mut Device, end: End) -> Done {
        println!("{} is gone after {} bytes: {end}", conn.info().peer, device.received);
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let adapter = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:9100".to_owned());
    let handler = ExProtoHandler::with_callbacks(ExProtoSettings::new(adapter), Demo)?;
    handler.listen("127.0.0.1:9001", std::future::pending()).await?;
    Ok(())
}
