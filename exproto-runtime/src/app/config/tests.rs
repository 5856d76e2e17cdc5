#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeSet;

use clap::{Args, Command, FromArgMatches};

use super::*;

const MANUAL: &str = include_str!("../../doc/settings.md");

fn default() -> Config {
    Config::new(7611, SessionSettings::default())
}

/// The settings by a file, variables and flags.
fn read(file: &str, variables: &[(&str, &str)], flags: &[&str]) -> Result<(Config, Vec<String>), String> {
    let words = std::iter::once("gateway").chain(flags.iter().copied());
    let matches = ServeArgs::augment_args(Command::new("gateway")).try_get_matches_from(words);
    let args = matches.and_then(|matches| ServeArgs::from_arg_matches(&matches));
    let args = args.map_err(|error| error.to_string())?;
    let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    default()
        .read(&Sources { file: Some(("gateway.toml", file)), variables, flags: args.flags() })
        .map_err(|mistakes| mistakes.join("\n"))
}

fn of(file: &str) -> Config {
    read(file, &[], &[]).unwrap().0
}

/// All values, as printed; the client id alone is another one each time.
fn shown(config: &Config) -> Vec<String> {
    let mut all = Vec::new();
    for info in config.infos() {
        let value = config.target(info.section).unwrap().show(info.key);
        all.push(format!("{} = {value:?}", info.path()));
    }
    all
}

#[test]
fn what_is_printed_are_the_defaults() {
    let printed = default().print();
    let mut read = of(&printed);
    assert_eq!(shown(&read), shown(&of("")));
    assert_eq!(read.session, default().session);
    assert_eq!(read.listeners.remove(0).session, default().session);
    assert!(printed.lines().all(|line| line.len() <= 100), "{printed}");

    // What a program changes is printed so.
    let session = SessionSettings { idle: std::time::Duration::from_secs(90), ..SessionSettings::default() };
    let printed = Config::new(502, session).print();
    assert!(printed.contains("\nidle = \"90s\"\n"), "{printed}");
    assert!(printed.contains("\naddress = \"127.0.0.1:502\"\n"), "{printed}");
}

#[test]
fn every_example_of_the_printed_file_is_good() {
    let printed = default().print();
    let mut examples = 0;
    let section = |lines: &[&str]| lines.iter().rfind(|line| line.starts_with('[')).unwrap().to_string();
    let lines: Vec<&str> = printed.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        let Some(example) =
            line.strip_prefix("# ").filter(|line| line.contains(" = ") && !line.contains(". "))
        else {
            continue;
        };
        let Some((key, _)) = example.split_once(" = ") else { continue };
        if key.contains(' ') {
            continue;
        }
        examples += 1;
        of(&format!("{}\n{example}\n", section(&lines[..index])));
    }
    let unset = default()
        .infos()
        .iter()
        .filter(|info| default().target(info.section).unwrap().show(info.key).is_none())
        .count();
    assert_eq!(examples, unset);
}

#[test]
fn the_defaults_of_a_listener_are_those_of_the_library() {
    let default = default();
    let listener = default.listeners.first().unwrap();
    let address = listener.address;
    assert_eq!(
        format!("{:?}", listener.listener(7)),
        format!("{:?}", crate::host::Listener::tcp(address).max_connections(7))
    );
}

#[test]
fn names_are_given_once() {
    let infos = default().infos();
    let flags: BTreeSet<_> = infos.iter().map(|info| info.flag).collect();
    let paths: BTreeSet<_> = infos.iter().map(Info::path).collect();
    let variables: BTreeSet<_> = infos.iter().map(Info::variable).collect();
    assert_eq!((flags.len(), paths.len(), variables.len()), (infos.len(), infos.len(), infos.len()));
    // The help ends each sentence itself.
    assert!(infos.iter().all(|info| !info.help.ends_with('.') && !info.help.contains("  ")));
}

#[test]
fn flags_win_over_variables_over_the_file() {
    let file = "[session]\nidle = \"1min\"\npause = \"2s\"\nanswers = 3\nparams = { a = \"1\", b = \"1\" }\n";
    let variables = [
        ("EXPROTO_SESSION_PAUSE", "3s"),
        ("EXPROTO_SESSION_ANSWERS", "4"),
        ("EXPROTO_SESSION_PARAMS", "b=2, c=2"),
        ("EXPROTO_SESSION_STASH", ""),
    ];
    let (config, _) = read(file, &variables, &["--session-answers", "5", "--param", "c=3"]).unwrap();
    let session = &config.listeners[0].session;
    assert_eq!(*session, config.session);
    assert_eq!(session.idle.as_secs(), 60);
    assert_eq!(session.pause.as_secs(), 3);
    assert_eq!(session.answers, 5);
    assert_eq!(session.stash, 256 << 10);
    let params: Vec<String> = session.params.iter().map(|(name, value)| format!("{name}{value}")).collect();
    assert_eq!(params, ["a1", "b2", "c3"]);
    assert_eq!(config.given("session.idle"), Some("gateway.toml:2"));
    assert_eq!(config.given("session.pause"), Some("EXPROTO_SESSION_PAUSE"));
    assert_eq!(config.given("session.answers"), Some("--session-answers"));
}

#[test]
fn listeners_have_settings_of_their_own() {
    let file = r#"
        [[listener]]
        name = "trucks"
        address = "0.0.0.0:7611"
        max_connections = 50_000
        chunk = "8 KiB"

        [[listener]]
        address = "[::1]:7612"
        [listener.session]
        idle = "1h"
        params.site = "south"

        [session]
        idle = "2min"
        params = { site = "north", zone = "1" }
    "#;
    let config = of(file);
    let [trucks, other] = &config.listeners[..] else { panic!("{:?}", config.listeners) };
    assert_eq!((trucks.name.as_deref(), trucks.max_connections), (Some("trucks"), Some(50_000)));
    assert_eq!((trucks.chunk, trucks.session.idle.as_secs()), (8192, 120));
    assert_eq!((other.name.as_deref(), other.chunk), (Some("tcp-2"), 4096));
    assert_eq!((other.address.to_string().as_str(), other.session.idle.as_secs()), ("[::1]:7612", 3600));
    assert_eq!(other.session.params["site"], "south");
    assert_eq!(other.session.params["zone"], "1");

    // Flags hold for all of them, addresses are in their place.
    let (config, _) = read(file, &[], &["--max-connections", "7"]).unwrap();
    assert!(config.listeners.iter().all(|listener| listener.max_connections == Some(7)));
    let (config, _) = read(file, &[], &["--listen", "127.0.0.1:1", "--listen", "127.0.0.1:2"]).unwrap();
    let [one, two] = &config.listeners[..] else { panic!("{:?}", config.listeners) };
    assert_eq!((one.name.as_deref(), one.chunk, one.address.port()), (Some("trucks"), 8192, 1));
    assert_eq!((two.name.as_deref(), two.chunk, two.address.port()), (Some("tcp-2"), 8192, 2));
}

#[test]
fn mistakes_of_a_file_are_told_all_at_once_with_their_lines() {
    let file = r#"[session]
idel = "10s"
idle = 30
pause = "10 parsecs"
accept_bad = "yes"
answers = "many"
before_login = "wait"
params = { site = 7 }

[sesion]
[host]
workers = 0
drain = true

[[listener]]
address = "localhost:7611"
port = 7611
session = 3

[[listener]]
chunk = "16 KB"
"#;
    let wrong = read(file, &[], &[]).unwrap_err();
    let lines: Vec<&str> = wrong.lines().collect();
    let times = "a time such as \"500ms\", \"30s\", \"10min\", \"1h\" or \"2d\"";
    for line in [
        "gateway.toml:2: [session] has no key `idel`; did you mean `idle`?",
        &format!("gateway.toml:3: `session.idle`: the integer 30 is not {times}; seconds are \"30s\""),
        &format!("gateway.toml:4: `session.pause`: `10 parsecs` is not {times}"),
        "gateway.toml:5: `session.accept_bad`: the string \"yes\" is not `true` or `false`",
        "gateway.toml:6: `session.answers`: the string \"many\" is not a whole number within the bounds",
        "gateway.toml:7: `session.before_login`: `wait` is not \"drop\" or \"close\"",
        "gateway.toml:8: `session.params`: `site`: the integer 7 is not a text in quotes",
        "gateway.toml:10: there is no table `sesion`; did you mean `session`?",
        "gateway.toml:12: `host.workers`: `0` is not a whole number of at least 1",
        &format!("gateway.toml:13: `host.drain`: true is not {times}"),
        "gateway.toml:16: `listener.address`: `localhost:7611` is not an address and port such as \
         \"0.0.0.0:7611\" or \"[::]:7611\"",
        "gateway.toml:15: `listener.session` is a table, written as [listener.session], not the integer 3",
        "gateway.toml:21: `listener.chunk`: `16 KB` is not a size such as \"16 KiB\", \"1 MiB\" or a number of bytes",
        "gateway.toml:20: one of several listeners has no `address`",
    ] {
        assert!(lines.contains(&line), "no line\n{line}\nin\n{wrong}");
    }
    assert!(
        wrong.contains("gateway.toml:17: [listener] has no key `port`; there are: address, name, "),
        "{wrong}"
    );
    assert_eq!(lines.len(), 15, "{wrong}");
}

#[test]
fn mistakes_of_form_have_their_line_and_tell_no_password() {
    for (file, line) in [
        ("[broker]\nurl = \"mqtt://u:hidden@h\n", 2),
        ("[broker]\n\nurl = mqtt://u:hidden@h\n", 3),
        ("[broker]\nurl = \"mqtt://u:hidden@h:0\"\n", 2),
        ("[session]\nidle = \"1s\"\nidle = \"2s\"\n", 3),
        ("session = 3\n", 1),
        ("[session\n", 1),
    ] {
        let wrong = read(file, &[], &[]).unwrap_err();
        assert!(wrong.starts_with(&format!("gateway.toml:{line}: ")), "{file}: {wrong}");
        assert!(!wrong.contains("hidden"), "{wrong}");
    }
}

#[test]
fn mistakes_of_variables_and_flags_name_them() {
    let wrong = read("", &[("EXPROTO_SESSION_IDLE", "soon")], &[]).unwrap_err();
    assert!(wrong.starts_with("EXPROTO_SESSION_IDLE: `soon` is not a time"), "{wrong}");
    let wrong = read("", &[], &["--session-idle", "soon"]).unwrap_err();
    assert!(wrong.contains("--session-idle: `soon` is not a time"), "{wrong}");
    let wrong = read("", &[], &["--broker", "mqtt://u:hidden@h:0"]).unwrap_err();
    assert!(wrong.contains("--broker: ") && !wrong.contains("hidden"), "{wrong}");
    // A slip is told; what others call so is theirs.
    let variables = [("EXPROTO_SESSION_IDEL", "1s"), ("EXPROTO_SERVICE_HOST", "10.0.0.1"), ("PATH", "/bin")];
    let (_, remarks) = read("", &variables, &[]).unwrap();
    assert_eq!(
        remarks,
        ["the variable `EXPROTO_SESSION_IDEL` is no setting; did you mean `EXPROTO_SESSION_IDLE`?"]
    );
}

#[test]
fn tls_needs_all_that_belongs_to_it() {
    let tls = |keys: &str| of(&format!("[listener]\n{keys}\n")).listeners.remove(0);
    let all = "tls_certificate = \"a.crt\"\ntls_key = \"a.key\"";
    assert_eq!(tls("").tls.files(), Ok(None));
    assert_eq!(tls(all).name.as_deref(), Some("tls"));
    let files = crate::tls::ServerTls::new("a.crt", "a.key");
    assert_eq!(tls(all).tls.files(), Ok(Some(files.clone())));
    let clients = format!("{all}\ntls_clients = \"ca.crt\"");
    assert_eq!(tls(&clients).tls.files(), Ok(Some(files.clone().require_client("ca.crt"))));
    let asked = format!("{clients}\ntls_clients_optional = true");
    assert_eq!(tls(&asked).tls.files(), Ok(Some(files.ask_client("ca.crt"))));
    assert!(tls(all).tls.check().unwrap_err().starts_with("a.crt cannot be read: "));
    for (keys, wrong) in [
        ("tls_certificate = \"a.crt\"", "`listener.tls_certificate` needs `listener.tls_key` too"),
        ("tls_key = \"a.key\"", "`listener.tls_key` needs `listener.tls_certificate` too"),
        ("tls_clients = \"ca.crt\"", "`listener.tls_clients` needs `listener.tls_certificate` too"),
        (
            "tls_clients_optional = true",
            "`listener.tls_clients_optional` needs `listener.tls_certificate` too",
        ),
        (
            &format!("{all}\ntls_clients_optional = true"),
            "`listener.tls_clients_optional` needs `listener.tls_clients` too",
        ),
    ] {
        assert_eq!(tls(keys).tls.check().unwrap_err(), wrong);
    }
}

#[test]
fn no_two_listeners_are_the_same() {
    let two = |first: &str, second: &str| {
        read(&format!("[[listener]]\n{first}\n[[listener]]\n{second}\n"), &[], &[]).unwrap_err()
    };
    let wrong = two("name = \"a\"\naddress = \"[::]:1\"", "name = \"a\"\naddress = \"[::]:1\"");
    assert_eq!(
        wrong,
        "two listeners are called `a`: give each a `name` of its own\ntwo listeners have the address [::]:1"
    );
    of("[[listener]]\naddress = \"[::]:0\"\n[[listener]]\naddress = \"[::]:0\"\n");
}

#[test]
fn switches_need_no_value_and_can_be_taken_back() {
    let file = "[session]\naccept_bad = true\n";
    assert!(of(file).session.accept_bad);
    assert!(!read(file, &[], &["--accept-bad=false"]).unwrap().0.session.accept_bad);
    assert!(read("", &[], &["--accept-bad"]).unwrap().0.session.accept_bad);
}

#[test]
fn passwords_come_from_files_and_are_not_shown() {
    let folder = std::env::temp_dir().join(format!("exproto-settings-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("password");
    let text = format!("[broker]\nurl = \"mqtt://gateway@h\"\npassword_file = {:?}\n", file.display());
    let url: crate::broker::MqttUrl = "mqtt://gateway@h".parse().unwrap();
    let settings = |text: &str| of(text).broker.settings(url.clone());

    let missing = settings(&text).unwrap_err();
    assert!(missing.starts_with("`broker.password_file`: ") && missing.contains("password: "), "{missing}");
    std::fs::write(&file, "\n").unwrap();
    assert!(settings(&text).unwrap_err().ends_with(" is empty"));
    std::fs::write(&file, "hidden one\r\nmore\n").unwrap();
    let read = settings(&text).unwrap();
    assert_eq!((read.url.username(), read.url.password()), (Some("gateway"), Some("hidden one")));
    let all = format!("{:?} {:?} {}", of(&text), read, of(&text).print());
    assert!(!all.contains("hidden"), "{all}");
    std::fs::write(&file, "x".repeat(70_000)).unwrap();
    assert!(settings(&text).unwrap_err().ends_with(" is too long for a password"));

    let nobody = of(&format!("[broker]\npassword_file = {:?}\n", file.display()));
    let nobody = nobody.broker.settings("mqtt://h".parse().unwrap()).unwrap_err();
    assert_eq!(nobody, "`broker.password_file` is set, but no user: set `broker.username`");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_broker_has_fallbacks_and_certificates() {
    let url: crate::broker::MqttUrl = "mqtt://me:pw@one?version=3.1.1".parse().unwrap();
    let settings = |text: &str| of(&format!("[broker]\n{text}\n")).broker.settings(url.clone());
    let two = settings("fallbacks = [\"mqtt://two?version=4\", \"mqtt://you@three?version=4\"]").unwrap();
    let logins: Vec<_> = two.fallbacks.iter().map(|url| (url.username(), url.password())).collect();
    assert_eq!(logins, [(Some("me"), Some("pw")), (Some("you"), None)]);
    for (text, wrong) in [
        ("fallbacks = [\"two\"]", "`broker.fallbacks`: `two` is not the address of a broker"),
        ("fallbacks = [\"mqtt://two\"]", "`broker.fallbacks`: mqtt://two:1883 differs from"),
        #[cfg(feature = "tls")]
        ("cert = \"a.crt\"", "`broker.cert` is set without `broker.key`"),
        #[cfg(feature = "tls")]
        ("key = \"a.key\"", "`broker.key` is set without `broker.cert`"),
    ] {
        let error = settings(text).unwrap_err();
        assert!(error.starts_with(wrong), "{error}");
    }
}

#[test]
fn networks_are_lists_whose_mistakes_are_told() {
    let config =
        of("[[listener]]\nallow = [\"10.0.0.0/8\", \"::1\"]\ndeny = \"10.9.0.0/16\"\nbuffer = \"64 KiB\"\n");
    let listener = &config.listeners[0];
    assert_eq!(format!("{:?} {:?}", listener.allow, listener.deny), "[10.0.0.0/8, ::1/128] [10.9.0.0/16]");
    assert_eq!((listener.buffer, listener.all_buffers), (Some(64 << 10), 256 << 20));
    let mistake = read("[[listener]]\nallow = \"10.1.2.3/8\"\n", &[], &[]).unwrap_err();
    assert!(mistake.ends_with("`10.1.2.3/8` names one address of a network: write 10.0.0.0/8"), "{mistake}");
    let (config, _) = read("", &[], &["--allow", "10.0.0.0/8", "--allow", "192.0.2.0/24"]).unwrap();
    assert_eq!(format!("{:?}", config.listeners[0].allow), "[10.0.0.0/8, 192.0.2.0/24]");
}

#[test]
fn times_and_sizes_have_units() {
    use kind::{Kind, Size, Time};
    for (text, ms) in [
        ("0", Some(0)),
        ("0s", Some(0)),
        ("250ms", Some(250)),
        ("1 s", Some(1000)),
        ("5m", Some(300_000)),
        ("5min", Some(300_000)),
        ("2h", Some(7_200_000)),
        ("1d", Some(86_400_000)),
        ("5", None),
        ("s", None),
        ("-1s", None),
        ("1.5s", None),
        ("1sec", None),
        ("99999999999999999999s", None),
        ("18446744073709551615d", None),
        ("40000d", None),
    ] {
        let time = Time::read(text).ok().map(|time| time.as_millis());
        assert_eq!(time, ms, "{text}");
        if let Some(time) = time {
            let time = std::time::Duration::from_millis(u64::try_from(time).unwrap());
            assert_eq!(Time::read(Time::show(&time).unwrap().trim_matches('"')), Ok(time));
        }
    }
    for (text, bytes) in [
        ("7", Some(7)),
        ("7 B", Some(7)),
        ("1kB", Some(1000)),
        ("16 KiB", Some(16 << 10)),
        ("4GiB", None),
        ("1 MB", None),
        ("99999999999999999999", None),
        ("", None),
    ] {
        let size = Size::<u32>::read(text).ok();
        assert_eq!(size, bytes, "{text}");
        if let Some(size) = size {
            assert_eq!(Size::<u32>::read(Size::show(&size).unwrap().trim_matches('"')), Ok(size));
        }
    }
}

/// Where a setting has changed, `MANUAL=write cargo test -p exproto-runtime --features
/// full --lib the_manual` writes the tables anew.
#[test]
fn the_manual_has_every_setting() {
    let (before, rest) = MANUAL.split_once("<!-- settings -->\n").unwrap();
    let (tables, after) = rest.split_once("<!-- end -->\n").unwrap();
    let now = default().manual();
    if std::env::var_os("MANUAL").is_some_and(|what| what == "write") {
        let text = format!("{before}<!-- settings -->\n{now}<!-- end -->\n{after}");
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/src/doc/settings.md"), text).unwrap();
    } else if cfg!(feature = "tls") {
        assert_eq!(tables, now, "write the tables anew: MANUAL=write, see this test");
    }
}

#[test]
fn a_default_is_told_in_the_help() {
    let mut command = super::describe(ServeArgs::augment_args(Command::new("gateway")), &default());
    let long = command.render_long_help().to_string();
    for part in ["--session-idle <TIME>", "EXPROTO_SESSION_IDLE", "--print-default", "[default: \"10min\"]"] {
        assert!(long.contains(part), "no {part} in {long}");
    }
    let short = command.render_help().to_string();
    assert!(short.contains("--listen") && !short.contains("--session-idle"), "{short}");
    assert_eq!(default().flag("listener.address").unwrap(), "listen");
}

#[test]
fn changes_are_told_with_what_takes_them_over() {
    let old = of(
        "[[listener]]\nname = \"a\"\naddress = \"[::]:1\"\n[[listener]]\nname = \"b\"\naddress = \"[::]:2\"\n",
    );
    let new = of(
        "[session]\nidle = \"1s\"\n[host]\ndrain = \"1s\"\n[[listener]]\nname = \"a\"\naddress = \"[::]:3\"\nchunk = 99\n[[listener]]\nname = \"c\"\naddress = \"[::]:2\"\n",
    );
    assert_eq!(old.changes(&old.clone()), []);
    let changes = old.changes(&new);
    let changes: Vec<(&str, bool)> = changes.iter().map(|(what, taken)| (what.as_str(), *taken)).collect();
    assert_eq!(
        changes,
        [
            ("host.drain", false),
            ("session.idle", true),
            ("a: listener.address", false),
            ("a: listener.chunk", true),
            ("a: session.idle", true),
            ("c: a new listener", false),
            ("b: a listener less", false),
        ]
    );
    let manual = include_str!("../../doc/operation.md");
    let keys: Vec<String> = TAKEN_OVER.iter().map(|key| format!("`{key}`")).collect();
    assert!(
        manual.contains(&format!("* of `[[listener]]`: {}.", keys.join(", "))),
        "the manual names others"
    );
}
