//! Connections that one handler leaves to the next.

use std::path::PathBuf;

use super::callbacks::Greeter;
use super::*;

/// A file of its own for a test, gone with it.
struct File(PathBuf);

impl File {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("exproto-{}-{name}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        Self(path)
    }

    fn settings(&self, emqx: &FakeEmqx) -> ExProtoSettings {
        let mut settings = ExProtoSettings::new(emqx.adapter());
        settings.unknown = UnknownConnection::Resume;
        settings.memory = Some(self.0.clone());
        settings
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn stopped(mut bench: Bench) -> FakeEmqx {
    bench.stop.take().unwrap().send(()).unwrap();
    bench.served.await.unwrap().unwrap();
    bench.emqx
}

#[test]
fn devices_do_not_notice_a_restart() {
    run(async {
        let file = File::new("restart");
        for service in ALL {
            let emqx = FakeEmqx::start().await.unwrap();
            let settings = file.settings(&emqx);
            let bench = Bench::serve::<Toy<'static>>(emqx, service, settings.clone()).await;
            let device = bench.member().await;
            let guest = bench.emqx.connect_by(Socket::Udp).await;
            bench.emqx.publish("toy/41/down/set", b"1");
            device.wait(|calls| calls.len() == 4).await;
            bench.connections(2).await;

            // Twice, and silent in between.
            let emqx = stopped(bench).await;
            let bench = Bench::serve::<Toy<'static>>(emqx, service, settings.clone()).await;
            let emqx = stopped(bench).await;
            let bench = Bench::serve::<Toy<'static>>(emqx, service, settings).await;
            if service == Service::Streams {
                // EMQX loses an event on each stream that the handler ended.
                device.bytes(&frame(&Toy::Beat)).answered().await;
                guest.bytes(&frame(&Toy::Beat)).answered().await;
                device.messages(&[("toy/41/down/set", b"9")]).answered().await;
            }
            device.bytes(&reading(1)).answered().await;
            let before = welcome(true).len() + frame(&Toy::Set { serial: 0, value: 1 }).len();
            device.wait_received(before + ack(1, 0).len()).await;
            // No login, and the next serial number.
            assert_eq!(device.calls()[4..], [publish("41"), What::Send(ack(1, 0))], "{service:?}");
            bench.emqx.publish("toy/41/down/set", b"2");
            let set = frame(&Toy::Set { serial: 1, value: 2 });
            device.wait(|calls| calls.last() == Some(&What::Send(set.clone()))).await;

            guest.bytes(&reading(1)).answered().await;
            guest.wait(|calls| calls.len() > 1).await;
            assert!(!names(&guest.calls()).contains(&"Publish"), "it was not logged in");
            assert_eq!(bench.stats.read().unwrap().resumed, 2);
            bench.assert_sound();
        }
    });
}

#[test]
fn a_handler_may_take_over_before_the_other_has_ended() {
    run(async {
        let file = File::new("overlap");
        let emqx = FakeEmqx::start().await.unwrap();
        let settings = file.settings(&emqx);
        let mut old = Bench::serve::<Toy<'static>>(emqx, Service::Unary, settings.clone()).await;
        let device = old.member().await;

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        old.emqx.use_handler(listener.local_addr().unwrap(), Service::Unary);
        let new = ExProtoHandler::<Toy<'static>>::new(settings).unwrap();
        tokio::spawn(new.serve(listener, std::future::pending()));
        let told = device.bytes(&reading(1));
        old.stop.take().unwrap().send(()).unwrap();
        told.answered().await;
        assert_eq!(device.calls()[3..], [publish("41"), What::Send(ack(1, 0))]);
        old.served.await.unwrap().unwrap();
    });
}

#[test]
fn what_nobody_has_left_is_closed() {
    run(async {
        let file = File::new("unknown");
        std::fs::write(&file.0, "no line of a handler\n{}\n").unwrap();
        let emqx = FakeEmqx::start().await.unwrap();
        let settings = file.settings(&emqx);
        let bench = Bench::serve::<Toy<'static>>(emqx, Service::Unary, settings.clone()).await;
        let device = bench.emqx.appear(Socket::Tcp);
        device.bytes(&reading(1)).answered().await;
        device.wait_closed().await;
        assert_eq!(device.calls(), [What::Close]);
        bench.assert_sound();

        let mut without = settings;
        without.memory = None;
        let error = ExProtoHandler::<Toy<'static>>::new(without).unwrap_err();
        assert!(error.to_string().contains("set `memory`"), "{error}");
    });
}

#[test]
fn a_callback_that_hangs_keeps_no_other_device_from_the_next_handler() {
    run(async {
        let file = File::new("hang");
        let emqx = FakeEmqx::start().await.unwrap();
        let mut settings = file.settings(&emqx);
        settings.callback_timeout = Duration::ZERO;
        settings.handover = Duration::ZERO;
        settings.drain = Duration::from_secs(2);
        let handler = ExProtoHandler::with_callbacks(settings, Greeter).unwrap();
        let bench = Bench::of(emqx, Service::Unary, handler).await;
        let silent = bench.emqx.connect().await;
        let hanging = bench.emqx.connect().await;
        let told = hanging.bytes(b"hang");
        until(|| bench.stats.read().unwrap().received_bytes == 1).await;
        let _emqx = stopped(bench).await;
        let text = std::fs::read_to_string(&file.0).unwrap();
        // It was logged in by `on_connect`, and nothing has come since.
        let lines: Vec<_> = text.lines().collect();
        let [line] = lines[..] else { panic!("{text}") };
        assert!(line.contains(silent.conn()) && line.contains(r#""client_id":"d1""#), "{line}");
        drop(told);
    });
}
