//! The JT/T 808 example as an ExProto handler, without a change and without an
//! EMQX: `exproto host`'s side of the interface is our own, with the broker in
//! the same process.
#![allow(clippy::unwrap_used)]

mod common;

use std::future::pending;
use std::time::Duration;

use common::{PHONE, location_body, v2013};
use exproto_runtime::broker::{EmbeddedBroker, EmbeddedSettings, MqttBroker, MqttClient, MqttSettings};
use exproto_runtime::codec::{Deframer, Item};
use exproto_runtime::emqx::{Service, StandIn, StandInSettings};
use exproto_runtime::exproto::{ExProtoHandler, ExProtoSettings};
use exproto_runtime::host::Listener;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const WATCHDOG: Duration = Duration::from_secs(60);

/// A device and what it has received.
struct Truck(TcpStream, Vec<u8>);

impl Truck {
    async fn send(&mut self, frame: &[u8]) {
        self.0.write_all(frame).await.unwrap();
    }

    /// The payload of the next frame.
    async fn next(&mut self) -> Vec<u8> {
        loop {
            let (mut deframer, mut scratch) = (Deframer::<common::Message>::new(), Vec::new());
            if let Some(item) = deframer.next(&mut &self.1[..], &mut scratch) {
                let Item::Frame(raw) = item else { panic!("{item:?}") };
                let (payload, used) = (raw.payload.to_vec(), raw.offset as usize + raw.wire.len());
                self.1.drain(..used);
                return payload;
            }
            let read = timeout(WATCHDOG, self.0.read_buf(&mut self.1)).await.unwrap().unwrap();
            assert_ne!(read, 0, "the connection was closed");
        }
    }
}

#[tokio::test]
async fn the_gateway_runs_behind_our_own_side_of_exproto() {
    for service in [Service::Unary, Service::Streaming] {
        let embedded = EmbeddedBroker::start(EmbeddedSettings::any_port()).await.unwrap();
        let broker = MqttBroker::start(MqttSettings::new(embedded.url()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut settings = StandInSettings::new(format!("http://{}", listener.local_addr().unwrap()));
        settings.service = service;
        let stand_in = StandIn::builder(settings)
            .listener(Listener::tcp(([127, 0, 0, 1], 0)))
            .adapter(([127, 0, 0, 1], 0))
            .workers(1)
            .bind(broker)
            .await
            .unwrap();
        let adapter = format!("http://{}", stand_in.adapter().unwrap());
        let devices = stand_in.addresses().next().unwrap().1;
        let handler = ExProtoHandler::<common::Message>::new(ExProtoSettings::new(adapter)).unwrap();
        let handler = tokio::spawn(handler.serve(listener, pending()));
        let running = tokio::spawn(stand_in.run(pending()));

        let mut watcher = MqttClient::connect(&embedded.url()).await.unwrap();
        watcher.subscribe("jt808/#", 1).await.unwrap();
        let mut truck = Truck(TcpStream::connect(devices).await.unwrap(), Vec::new());
        truck.send(&v2013(1).frame(0x0102, b"exproto")).await;
        assert_eq!(truck.next().await[..2], [0x80, 0x01]);

        // Two in one, cut where no frame ends.
        let one = v2013(2).frame(0x0200, &location_body(&[]));
        let both = [&one[..], &v2013(3).frame(0x0200, &location_body(&[]))].concat();
        let (first, rest) = both.split_at(one.len() + 5);
        truck.send(first).await;
        assert_eq!(truck.next().await[..2], [0x80, 0x01]);
        truck.send(rest).await;
        assert_eq!(truck.next().await[..2], [0x80, 0x01]);
        for _ in 0..2 {
            let location = timeout(WATCHDOG, watcher.next()).await.unwrap().unwrap();
            assert_eq!(location.topic, format!("jt808/{PHONE}/up/location"));
            let json: serde_json::Value = serde_json::from_slice(&location.payload).unwrap();
            assert_eq!(json["altitude"], 40);
        }

        let text = br#"{"flags": 8, "text": "turn left"}"#.to_vec();
        watcher.publish(&format!("jt808/{PHONE}/down/text"), text, 1, false).await.unwrap();
        let frame = truck.next().await;
        assert_eq!(frame[..2], [0x83, 0x00]);
        assert!(frame.ends_with(&[b"turn left".as_slice(), &frame[frame.len() - 1..]].concat()));

        running.abort();
        handler.abort();
        embedded.stop().await;
    }
}
