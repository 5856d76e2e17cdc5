//! The imperative way.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use exproto_runtime::exproto::{CallError, Callbacks, Connection, Done, End, Message};
use exproto_runtime::session::Credentials;

use super::*;

/// Notes what happens, and does what the bytes say.
#[derive(Clone, Default)]
struct Diary(Arc<Pages>);

#[derive(Default)]
struct Pages {
    lines: Mutex<Vec<String>>,
    handles: Mutex<Vec<Connection>>,
    open: AtomicU32,
}

/// Counts itself.
#[derive(Default)]
struct Kept {
    bytes: usize,
    pages: Option<Arc<Pages>>,
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(pages) = &self.pages {
            pages.open.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

impl Diary {
    fn write(&self, line: impl Into<String>) {
        self.0.lines.lock().unwrap().push(line.into());
    }

    fn lines(&self) -> Vec<String> {
        self.0.lines.lock().unwrap().clone()
    }

    fn handle(&self) -> Connection {
        self.0.handles.lock().unwrap().last().unwrap().clone()
    }
}

fn who(client_id: &str) -> Credentials {
    Credentials { client_id: client_id.into(), username: None, password: Some("pw".into()) }
}

impl Callbacks for Diary {
    type State = Kept;

    async fn on_connect(&self, conn: &Connection, kept: &mut Kept) -> Done {
        self.0.open.fetch_add(1, Ordering::SeqCst);
        kept.pages = Some(Arc::clone(&self.0));
        self.0.handles.lock().unwrap().push(conn.clone());
        let info = conn.info();
        self.write(format!("connect {} adopted={}", info.listener, conn.is_adopted()));
        Ok(())
    }

    async fn on_received(&self, conn: &Connection, kept: &mut Kept, bytes: Bytes) -> Done {
        kept.bytes += bytes.len();
        self.write(format!("received {} of {}", bytes.len(), kept.bytes));
        match &bytes[..] {
            b"login" => {
                conn.authenticate(who("d1")).await?;
                conn.subscribe("down/d1", 1).await?;
                conn.send(&b"ok"[..]).await?;
            }
            b"late" => {
                tokio::task::yield_now().await;
                std::future::pending::<()>().await;
            }
            b"error" => return Err("no such thing".into()),
            b"panic" => panic!("as the test wants"),
            b"publish" => conn.publish("up/d1", bytes, 1).await?,
            _ => {}
        }
        Ok(())
    }

    async fn on_deliver(&self, conn: &Connection, _: &mut Kept, messages: Vec<Message>) -> Done {
        for message in messages {
            self.write(format!(
                "deliver {} {:?} qos {} from {}",
                message.topic, message.payload, message.qos, message.from
            ));
            conn.send(message.payload).await?;
        }
        Ok(())
    }

    async fn on_terminated(&self, conn: &Connection, kept: &mut Kept, end: End) -> Done {
        self.write(format!("terminated {} {end:?}", kept.bytes));
        Ok(conn.raw_publish("gone", "d1", 0).await?)
    }
}

async fn served(service: Service, set: impl FnOnce(&mut ExProtoSettings)) -> (Bench, Diary) {
    let emqx = FakeEmqx::start().await.unwrap();
    let mut settings = ExProtoSettings::new(emqx.adapter());
    set(&mut settings);
    let diary = Diary::default();
    let handler = ExProtoHandler::with_callbacks(settings, diary.clone()).unwrap();
    (Bench::of(emqx, service, handler).await, diary)
}

#[test]
fn each_event_has_its_callback() {
    run(async {
        for service in ALL {
            let (bench, diary) = served(service, |_| {}).await;
            let device = bench.emqx.connect().await;
            device.bytes(b"login").answered().await;
            device.wait_received(2).await;
            device.bytes(b"12").answered().await;
            until(|| diary.lines().len() == 3).await;
            bench.emqx.publish("down/d1", b"set");
            device.wait_received(5).await;
            device.close().answered().await;
            bench.connections(0).await;
            assert_eq!(
                diary.lines(),
                [
                    "connect tcp:7993 adopted=false",
                    "received 5 of 5",
                    "received 2 of 7",
                    "deliver down/d1 b\"set\" qos 1 from somebody",
                    "terminated 7 ByDevice",
                ],
                "{service:?}"
            );
            let said = ["Authenticate", "Subscribe", "Send", "Send"];
            assert_eq!(names(&device.calls()), said);
            bench.emqx.wait(|calls| calls.iter().any(|call| call.what.name() == "RawPublish")).await;
            assert_eq!(diary.0.open.load(Ordering::SeqCst), 0);
            bench.assert_sound();
        }
    });
}

#[test]
fn every_result_is_one_typed_error() {
    run(async {
        let denied = |why: &str| CallError::Denied { code: 0x87, why: why.into() };
        let (bench, diary) = served(Service::Unary, |_| {}).await;
        let device = bench.emqx.connect().await;
        let conn = diary.handle();

        assert_eq!(conn.publish("t", "x", 0).await, Err(CallError::NotAuthenticated));
        assert_eq!(conn.subscribe("t", 0).await, Err(CallError::NotAuthenticated));
        assert_eq!(conn.unsubscribe("t").await, Err(CallError::NotAuthenticated));
        conn.authenticate(who("d1")).await.unwrap();
        assert_eq!(conn.authenticate(who("d1")).await, Err(CallError::AlreadyAuthenticated));
        assert_eq!(conn.publish("denied/t", "x", 0).await, Err(denied("Authorization deny")));
        assert_eq!(conn.subscribe("denied/t", 0).await, Err(denied("Authorization deny")));
        conn.publish("t", "x", 2).await.unwrap();
        conn.subscribe("t/#", 2).await.unwrap();
        conn.unsubscribe("t/#").await.unwrap();
        conn.start_timer(Duration::from_secs(60)).await.unwrap();
        conn.send("x").await.unwrap();

        // What never reaches EMQX.
        let before = bench.emqx.calls().len();
        let code = |result: Result<(), CallError>| match result {
            Err(CallError::BadParams { code, .. }) => code,
            other => panic!("{other:?}"),
        };
        assert_eq!(code(conn.authenticate(who("")).await), 0x85);
        assert_eq!(code(conn.publish("a/#", "x", 0).await), 0x90);
        assert_eq!(code(conn.raw_publish("", "x", 0).await), 0x90);
        assert_eq!(code(conn.raw_publish("t", "x", 3).await), 0x9B);
        assert_eq!(code(conn.publish("t", "x", 3).await), 0x9B);
        assert_eq!(code(conn.subscribe("t", 3).await), 0x9B);
        assert_eq!(code(conn.subscribe("$share/g/t", 0).await), 0x9E);
        assert_eq!(code(conn.subscribe("$queue/t", 0).await), 0x9E);
        assert_eq!(code(conn.subscribe("$exclusive/t", 0).await), 0x9E);
        assert_eq!(code(conn.start_timer(Duration::from_millis(999)).await), 0x83);
        assert_eq!(bench.emqx.calls().len(), before);

        for (reply, wanted) in [
            (Reply::CRASHED, CallError::Internal("Unknown crashes".into())),
            (Reply::Crash, CallError::Internal("Internal: RPC Execution Crashed".into())),
            (Reply::Unknown, CallError::Unsupported),
            (Reply::Code(5, "<<\"Client socket disconnected\">>"), CallError::Closed),
            (Reply::Code(5, "not_authorized"), denied("not_authorized")),
            (Reply::Code(99, ""), CallError::Internal("unknown result code 99".into())),
            (Reply::GONE, CallError::Gone),
        ] {
            let mut said = Some(reply);
            bench.emqx.answer(move |call| (call.what.name() == "StartTimer").then(|| said.take()).flatten());
            assert_eq!(conn.start_timer(Duration::from_secs(1)).await, Err(wanted));
        }
        // The last one was the end.
        bench.connections(0).await;
        assert_eq!(diary.lines().last().unwrap(), "terminated 0 Vanished");
        drop(device);
        bench.assert_sound();
    });
}

#[test]
fn an_error_a_panic_and_a_callback_without_end_cost_one_device() {
    run(async {
        for (bytes, panics) in [(&b"error"[..], 0), (b"panic", 1), (b"late", 0), (b"publish", 0)] {
            let (bench, diary) = served(Service::Unary, |settings| {
                // Long for callbacks that end, on whatever machine.
                settings.callback_timeout = Duration::from_secs(if bytes == b"late" { 5 } else { 60 });
            })
            .await;
            let (good, bad) = (bench.emqx.connect().await, bench.emqx.connect().await);
            bad.bytes(bytes).answered().await;
            bad.wait_closed().await;
            // `publish` before the login is refused.
            assert_eq!(names(&bad.calls()).last(), Some(&"Close"), "{bytes:?}");
            good.bytes(b"login").answered().await;
            assert_eq!(good.received(), b"ok");
            bench.connections(1).await;
            let stats = bench.stats.read().unwrap();
            assert_eq!(stats.panics, panics);
            let ended = diary.lines().iter().any(|line| line.ends_with("ByHandler"));
            assert_eq!(ended, panics == 0, "{bytes:?}");
            assert_eq!(diary.0.open.load(Ordering::SeqCst), 1);
            assert_eq!(bench.emqx.faults(), Vec::<String>::new());
        }
    });
}

#[test]
fn calls_go_out_in_order_and_are_carried_through() {
    run(async {
        let (bench, diary) = served(Service::Unary, |_| {}).await;
        let device = bench.emqx.connect().await;
        let conn = diary.handle();
        let sends = (0..50_u8).map(|n| conn.send(vec![n]));
        for result in futures_util::future::join_all(sends).await {
            result.unwrap();
        }
        assert_eq!(device.received(), (0..50).collect::<Vec<u8>>());

        // One that nobody waits for any more.
        bench.emqx.hold("Send");
        let send = tokio::time::timeout(Duration::from_millis(50), conn.send("last"));
        assert!(send.await.is_err());
        bench.emqx.release("Send");
        conn.start_timer(Duration::from_secs(1)).await.unwrap();
        assert!(device.received().ends_with(b"last"));
        bench.assert_sound();
    });
}

#[test]
fn the_timer_closes_if_nothing_else_is_said() {
    run(async {
        let (bench, diary) = served(Service::Unary, |_| {}).await;
        let udp = bench.emqx.connect_by(Socket::Udp).await;
        assert_eq!(udp.calls(), [What::StartTimer { seconds: 600 }]);
        udp.timed_out().answered().await;
        udp.wait_closed().await;
        bench.connections(0).await;
        assert_eq!(diary.lines(), ["connect udp:7993 adopted=false", "terminated 0 ByHandler"]);
        bench.assert_sound();
    });
}

#[test]
fn connections_that_nobody_knows_are_adopted_and_lost_ones_collected() {
    run(async {
        let (bench, diary) = served(Service::Unary, |settings| {
            settings.unknown = UnknownConnection::Adopt;
            settings.probe = Duration::from_millis(20);
        })
        .await;
        let device = bench.emqx.appear(Socket::Tcp);
        device.bytes(b"login").answered().await;
        device.vanish();
        bench.connections(0).await;
        assert_eq!(
            diary.lines(),
            ["connect adopted adopted=true", "received 5 of 5", "terminated 5 Vanished"]
        );
        bench.assert_sound();
    });
}

#[test]
fn callbacks_and_gateways_share_one_handler() {
    run(async {
        let emqx = FakeEmqx::start().await.unwrap();
        let diary = Diary::default();
        let handler = ExProtoHandler::<Toy<'static>>::new(ExProtoSettings::new(emqx.adapter()))
            .unwrap()
            .with_callbacks_at(([0, 0, 0, 0], 7994), diary.clone());
        let publisher = handler.publisher();
        let bench = Bench::of(emqx, Service::Unary, handler).await;
        bench.member().await;
        let other = bench.emqx.connect_to("127.0.0.1:7994".parse().unwrap()).await;
        other.bytes(b"x").answered().await;
        assert_eq!(diary.lines().len(), 2);
        publisher.publish("gateway/up", "1", 1).await.unwrap();
        bench.emqx.wait(|calls| calls.iter().any(|call| call.what.name() == "RawPublish")).await;
        bench.assert_sound();
    });
}

/// Logs every device in as the same one when it connects.
pub(super) struct Greeter;

impl Callbacks for Greeter {
    type State = ();

    async fn on_connect(&self, conn: &Connection, (): &mut ()) -> Done {
        Ok(conn.authenticate(who("d1")).await?)
    }

    async fn on_received(&self, _: &Connection, (): &mut (), bytes: Bytes) -> Done {
        if &bytes[..] == b"hang" {
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

#[test]
fn a_login_as_a_device_connects_is_known_at_once() {
    run(async {
        let emqx = FakeEmqx::start().await.unwrap();
        let handler = ExProtoHandler::with_callbacks(ExProtoSettings::new(emqx.adapter()), Greeter).unwrap();
        let bench = Bench::of(emqx, Service::Unary, handler).await;
        let first = bench.emqx.connect().await;
        // EMQX ends it without a word when its client id logs in again.
        first.vanish();
        let _second = bench.emqx.connect().await;
        bench.connections(1).await;
        assert_eq!(bench.stats.read().unwrap().gone, 1);
        bench.assert_sound();
    });
}
