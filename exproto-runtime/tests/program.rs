//! The finished program: a gateway, simulated devices, `watch` and `send` as
//! processes of their own.
//!
//! This test has no harness: started by itself with a variable set, it is the
//! program under test.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

#[path = "line/mod.rs"]
mod line;

use std::env;
use std::io::{BufRead, BufReader, Lines};
#[cfg(unix)]
use std::io::{Read, Write};
use std::process::{Child, ChildStdout, Command, ExitCode, Output, Stdio};

use exproto_runtime::app::{App, Device, Random, Sender};
use line::Line;

const PROGRAM: &str = "EXPROTO_TEST_PROGRAM";

struct Reporter(u32);

impl Device<Line<'static>> for Reporter {
    fn new(number: u32, _: &mut Random) -> Self {
        Self(number)
    }

    fn start(&mut self, out: &mut Sender<'_, Line<'static>>) {
        out.send(&Line(&format!("hello {}", self.0)));
    }

    fn received(&mut self, frame: &Line<'_>, out: &mut Sender<'_, Line<'static>>) {
        match frame.0.split_once(' ') {
            None if frame.0 == "welcome" => out.ready(),
            Some(("stored", _)) => {}
            // What was sent down comes up again.
            Some(("down", text)) => out.send(&Line(&format!("data echo-{text}"))),
            _ => out.failed(&format!("unexpected `{}`", frame.0)),
        }
    }

    fn tick(&mut self, random: &mut Random, out: &mut Sender<'_, Line<'static>>) {
        out.send(&Line(&format!("data {}", random.within(0..=99_u8))));
    }
}

fn main() -> ExitCode {
    if env::var_os(PROGRAM).is_some() {
        return App::<Line<'static>>::new().port(7611).simulate::<Reporter>().main();
    }
    // As `cargo test -- --list` and filters have it.
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    for (name, test) in [
        ("the_commands_work_together", the_commands_work_together as fn()),
        ("a_handler_of_emqx_is_served", a_handler_of_emqx_is_served),
        ("mistakes_are_explained", mistakes_are_explained),
        ("settings_come_from_a_file", settings_come_from_a_file),
        ("logs_hold_no_secrets_and_settings_change", logs_hold_no_secrets_and_settings_change),
        ("the_program_is_watched_and_says_how_it_ended", the_program_is_watched_and_says_how_it_ended),
        ("files_of_frames_are_checked", files_of_frames_are_checked),
    ] {
        let chosen =
            arguments.iter().all(|argument| argument.starts_with('-') || name.contains(argument.as_str()));
        if chosen {
            test();
            println!("test {name} ... ok");
        }
    }
    ExitCode::SUCCESS
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(arguments).env(PROGRAM, "1").env("RUST_LOG", "warn").stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

/// A program that runs until it is told to stop.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        Self::begin(&mut command(arguments))
    }

    fn begin(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Reads up to the line that contains `text`.
    fn until(&mut self, text: &str) -> String {
        let mut seen = Vec::new();
        for line in &mut self.lines {
            let line = line.unwrap();
            if line.contains(text) {
                return line;
            }
            seen.push(line);
        }
        panic!("no line with `{text}` in {seen:#?}");
    }

    /// What a service manager does when the program is to end.
    #[cfg(unix)]
    fn terminate(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }

    /// Ends it as a service manager would; its last line and how it ended.
    #[cfg(unix)]
    fn stop(mut self) -> (String, bool) {
        self.terminate();
        let last = (&mut self.lines).map(Result::unwrap).last().unwrap_or_default();
        (last, self.child.wait().unwrap().success())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already unless a test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(unix)]
fn the_commands_work_together() {
    let mut gateway = Running::start(&["--listen", "127.0.0.1:0", "--mqtt", "127.0.0.1:0"]);
    let devices = gateway.until("devices");
    let address = devices.split_whitespace().nth(1).unwrap().to_owned();
    let broker = gateway.until("broker").split_whitespace().nth(1).unwrap().to_owned();
    assert!(gateway.until("watch").contains(&format!("--broker '{broker}'")));
    assert!(gateway.until("simulate").contains(&format!("--connect {address}")));

    let mut simulated =
        Running::start(&["simulate", "--devices", "3", "--rate", "20/s", "--connect", &address]);
    simulated.until("3 ready");
    let mut watch = Running::start(&["watch", "line/2/#", "--broker", &broker]);
    let report = watch.until("line/2/up ");
    assert!(report.split_once(' ').unwrap().1.parse::<u8>().is_ok(), "{report}");

    let sent = run(&["send", "line/2/down", "turn", "--broker", &broker]);
    assert!(sent.status.success(), "{}", text(&sent.stderr));
    watch.until("line/2/up echo-turn");

    let (last, success) = simulated.stop();
    assert!(success, "{last}");
    assert!(last.starts_with("3 of 3 devices were ready, ") && last.ends_with(" 0 errors"), "{last}");
    assert!(watch.stop().1);
    let (last, success) = gateway.stop();
    assert!(success, "{last}");
    assert!(last.starts_with("stopped: 3 connections served, "), "{last}");
    assert!(last.ends_with(" 0 open at the end, 0 cut off"), "{last}");
}

#[cfg(not(unix))]
fn the_commands_work_together() {}

#[cfg(all(unix, feature = "grpc"))]
fn a_handler_of_emqx_is_served() {
    let mut handler =
        Running::start(&["serve", "--exproto", "127.0.0.1:0", "--adapter", "http://127.0.0.1:1"]);
    let line = handler.until("handler  ");
    let address = line.split_whitespace().nth(1).unwrap().trim_end_matches(':').to_owned();
    std::net::TcpStream::connect(address).unwrap();
    handler.until("adapter");
    let (last, success) = handler.stop();
    assert!(success && last.starts_with("stopped: 0 connections served"), "{last}");
}

#[cfg(not(all(unix, feature = "grpc")))]
fn a_handler_of_emqx_is_served() {}

fn mistakes_are_explained() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (arguments, parts) in [
        (&["--listen", "127.0.0.1:0", "--mqtt", &address][..], &[&*address, "--mqtt", "--broker"][..]),
        (&["--listen", &address, "--mqtt", "127.0.0.1:0"], &[&address, "--listen"]),
        (&["--mqtt", "0.0.0.0:0"], &["no password", "--open-mqtt"]),
        (&["simulate", "--devices", "4000000000"], &["ulimit -n"]),
        (&["simulate", "--rate", "1/d"], &["`d` is no unit of time"]),
        (&["send", "a/b", "x", "--broker", "mqtt://127.0.0.1:1"], &["127.0.0.1:1", "--broker"]),
        (&["watch", "a/#/b", "--broker", "http://x"], &["http://x"]),
    ] {
        let output = run(arguments);
        let error = text(&output.stderr);
        assert!(!output.status.success(), "{arguments:?}");
        for part in parts {
            assert!(error.contains(part), "{arguments:?}: no `{part}` in {error}");
        }
    }
}

/// What an HTTP server answers to this path.
#[cfg(unix)]
fn get(address: &str, path: &str) -> String {
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: gateway\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Asks until the answer ends so.
#[cfg(unix)]
fn until_it_says(address: &str, path: &str, end: &str) {
    while !get(address, path).ends_with(end) {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

/// `--admin`, the service manager's socket, and the exit codes.
#[cfg(unix)]
fn the_program_is_watched_and_says_how_it_ended() {
    let path = env::temp_dir().join(format!("exproto-manager-{}", std::process::id()));
    let manager = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    let told = || {
        let mut state = [0; 64];
        let length = manager.recv(&mut state).unwrap();
        text(&state[..length])
    };
    let started = |broker: [&str; 2], more: &[&str]| {
        let arguments = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
        let arguments = [&arguments[..], &broker, more].concat();
        let mut gateway = Running::begin(command(&arguments).env("NOTIFY_SOCKET", &path));
        let devices = gateway.until("devices").split_whitespace().nth(1).unwrap().to_owned();
        let admin = gateway.until("admin");
        let admin = admin.split_once("http://").unwrap().1.split_once('/').unwrap().0.to_owned();
        (gateway, devices, admin)
    };

    let (gateway, devices, admin) = started(["--mqtt", "127.0.0.1:0"], &[]);
    assert_eq!(told(), "READY=1");
    until_it_says(&admin, "/readyz", "\r\n\r\nready\n");
    let mut device = std::net::TcpStream::connect(&devices).unwrap();
    device.write_all(b"\nping\n").unwrap();
    device.read_exact(&mut [0; 6]).unwrap();
    let metrics = get(&admin, "/metrics");
    for part in [
        "exproto_connections_open{gateway=\"Line\"} 1\n",
        "exproto_mqtt_connects_total{gateway=",
        "\n# EOF\n",
    ] {
        assert!(metrics.contains(part), "no {part} in {metrics}");
    }
    drop(device);
    assert!(gateway.stop().1);
    assert_eq!(told(), "STOPPING=1");

    // A broker that never answers: what the device asked for is never done.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let broker = format!("mqtt://{}", silent.local_addr().unwrap());
    let busy = |more: &[&str]| {
        let (gateway, devices, admin) = started(["--broker", &broker], more);
        assert_eq!(told(), "READY=1");
        until_it_says(&admin, "/healthz", "alive\n");
        until_it_says(&admin, "/readyz", "not ready: the broker is not connected\n");
        let mut device = std::net::TcpStream::connect(&devices).unwrap();
        device.write_all(b"\nhello 1\n").unwrap();
        while !get(&admin, "/metrics").contains("exproto_frames_total{gateway=\"Line\"} 1\n") {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        gateway.terminate();
        assert_eq!(told(), "STOPPING=1");
        (gateway, device, admin)
    };
    let (mut gateway, _device, _) = busy(&["--drain", "0"]);
    assert_eq!(gateway.child.wait().unwrap().code(), Some(3));

    // A second time: at once.
    let (mut gateway, _device, admin) = busy(&["--drain", "1d", "--listener-drain", "1d"]);
    until_it_says(&admin, "/readyz", "not ready: the program is about to end\n");
    gateway.terminate();
    assert_eq!(gateway.child.wait().unwrap().code(), Some(3));
    std::fs::remove_file(&path).unwrap();
}

#[cfg(not(unix))]
fn the_program_is_watched_and_says_how_it_ended() {}

/// Frames in the log but none that logs in; SIGHUP has the file read again.
#[cfg(unix)]
fn logs_hold_no_secrets_and_settings_change() {
    let folder = env::temp_dir().join(format!("exproto-logs-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (settings, log) = (folder.join("gateway.toml"), folder.join("log"));
    let file = settings.to_str().unwrap();
    std::fs::write(&settings, "[log]\nformat = \"json\"\n").unwrap();
    let arguments = ["--config", file, "--listen", "127.0.0.1:0", "--mqtt", "127.0.0.1:0"];
    let mut gateway = Running::begin(
        command(&arguments)
            .env("RUST_LOG", "warn,exproto_runtime=trace")
            .stderr(std::fs::File::create(&log).unwrap()),
    );
    let devices = gateway.until("devices").split_whitespace().nth(1).unwrap().to_owned();
    gateway.until("simulate");
    let logged = |part: &str| loop {
        let text = std::fs::read_to_string(&log).unwrap();
        if text.contains(part) {
            return text;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    };
    let mut device = std::net::TcpStream::connect(&devices).unwrap();
    let mut say = |text: &[u8], reply: &[u8]| {
        device.write_all(text).unwrap();
        let mut answer = vec![0; reply.len()];
        device.read_exact(&mut answer).unwrap();
        assert_eq!(answer, reply);
    };
    say(b"\nhello 1\n", b"\nwelcome\n");
    say(b"\ndata 77\n", b"\nstored 77\n");
    say(b"\nhello 1\n", b"\nwelcome\n");
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let text = logged(&hex("data 77"));
    assert!(!text.contains(&hex("hello 1")), "{text}");
    let line = text.lines().find(|line| line.contains(&hex("data 77"))).unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!((&line["level"], &line["message"]), (&"TRACE".into(), &"received".into()));
    assert_eq!((&line["span"]["client_id"], &line["span"]["listener"]), (&"1".into(), &"tcp".into()));
    assert!(line["span"]["peer"].as_str().unwrap().starts_with("127.0.0.1:"));

    let hang_up = || {
        let pid = gateway.child.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    };
    std::fs::write(&settings, "[session]\nfirst_frame = 3\n").unwrap();
    hang_up();
    logged("the settings stay as they are: ");
    std::fs::write(&settings, "[session]\nfirst_frame = \"1ms\"\n[host]\nworkers = 3\n").unwrap();
    hang_up();
    let text = logged("the settings were read again");
    for part in [
        "tcp: session.first_frame has changed, for connections that come from now on",
        "host.workers has changed; it holds when the program is started again",
    ] {
        assert!(text.contains(part), "no `{part}` in {text}");
    }
    // The connection that is open goes on, a new one has a millisecond.
    say(b"\nping\n", b"\npong\n");
    let mut late = std::net::TcpStream::connect(&devices).unwrap();
    assert_eq!(late.read(&mut [0]).unwrap(), 0);
    assert!(gateway.stop().1);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[cfg(not(unix))]
fn logs_hold_no_secrets_and_settings_change() {}

/// `--print-default`, `--check` and `--config`: the printed file is good, and nothing is
/// bound by a check.
fn settings_come_from_a_file() {
    let printed = run(&["--print-default"]);
    assert!(printed.status.success());
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("\naddress = \"{}\"\n", taken.local_addr().unwrap());
    let settings = text(&printed.stdout).replace("\naddress = \"127.0.0.1:7611\"\n", &address);
    assert!(settings.contains(&address), "{settings}");
    let file = env::temp_dir().join(format!("exproto-settings-{}.toml", std::process::id()));
    let path = file.to_str().unwrap().to_owned();
    std::fs::write(&file, &settings).unwrap();
    let good = run(&["serve", "--config", &path, "--check"]);
    assert!(good.status.success(), "{}", text(&good.stderr));
    assert_eq!(text(&good.stdout), "the settings are good\n");
    let taken = run(&["--config", &path]);
    assert_eq!(taken.status.code(), Some(1), "{}", text(&taken.stderr));

    std::fs::write(&file, "[session]\nidel = 3\nprofile = \"none\"\n").unwrap();
    let wrong = run(&["--config", &path, "--check"]);
    assert_eq!(wrong.status.code(), Some(2));
    let said = text(&wrong.stderr);
    assert!(said.contains(&format!("{path}:2: [session] has no key `idel`; did you mean `idle`?")), "{said}");
    std::fs::write(&file, "[session]\nprofile = \"other\"\n[embedded]\naddress = \"0.0.0.0:0\"\n").unwrap();
    let wrong = run(&["--config", &path, "--check"]);
    let said = text(&wrong.stderr);
    assert!(said.contains("has no profile `other`") && said.contains("--open-mqtt"), "{said}");
    std::fs::remove_file(&file).unwrap();
    let missing = run(&["--config", &path, "--check"]);
    assert!(missing.status.code() == Some(2) && text(&missing.stderr).contains(&path));
}

/// `check FILE`: what holds, what does not, and `--bless`.
fn files_of_frames_are_checked() {
    let file = env::temp_dir().join(format!("exproto-program-{}.jsonl", std::process::id()));
    let path = file.to_str().unwrap().to_owned();
    let line = |payload: &str| {
        let wire = "0A 64617461 20 3230 0A";
        format!(
            "# a comment\n{{\"name\":\"data\",\"client_id\":\"7\",\"in\":\"{wire}\",\"publishes\":[{payload}]}}\n"
        )
    };
    let errors = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();

    std::fs::write(&file, line("{\"topic\":\"wrong\",\"payload\":20}")).unwrap();
    let failed = run(&["check", &path]);
    assert!(!failed.status.success());
    let text = errors(&failed);
    assert!(text.contains(&format!("{path}:2: data: publishes[0].")), "{text}");

    let blessed = run(&["check", "--bless", &path]);
    assert!(blessed.status.success(), "{}", errors(&blessed));
    assert!(errors(&blessed).contains("1 cases written"), "{}", errors(&blessed));
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("# a comment\n{"));
    let holds = run(&["check", &path]);
    assert!(holds.status.success() && errors(&holds).contains("1 cases hold"), "{}", errors(&holds));

    std::fs::remove_file(&file).unwrap();
    let missing = run(&["check", &path]);
    assert!(!missing.status.success() && errors(&missing).contains(&path), "{}", errors(&missing));
}
