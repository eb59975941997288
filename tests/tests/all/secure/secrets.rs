//! Nothing secret in what commands print, log or serve, wherever it came from and whatever fails.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use tests::{Login, Program, binary, eventually, free_address, get};

use super::{LIMIT, kafka};

/// No part of it may ever be seen: letters that no hexadecimal digit is, and many, so that no pointer and no hash in a trace
/// is taken for one. Base64 of what HTTP's basic authentication makes of it is looked for, too.
const CANARY: &str = "quillspottingmoon+zoomrunnythistorm";
const SPLIT: [&str; 2] = ["quillspottingmoon", "zoomrunnythistorm"];
const BASIC: &str = "dTpxdWlsbHNwb3R0aW5nbW9vbit6b29tcnVubnl0aGlzdG9ybQ";

/// One of each kind of work with a log; the first word of every command there is.
const COMMANDS: &[&[&str]] = &[
    &["topics", "plan"],
    &["topics", "apply"],
    &["topics", "acls", "--apply", "--root", concat!(env!("CARGO_MANIFEST_DIR"), "/..")],
    &["order", "submit", "--item", "a=1"],
    &["order", "show", "d5b88ca6-29e1-5602-b6d9-62e8eabf8444"],
    &["item", "register", "a", "--price", "1"],
    &["dlq", "list", "order-intake"],
    &["reset", "item-lookup"],
    &["state", "publish", "item-lookup"],
    &["run", "order-intake"],
    &["load", "tpch"],
    &["verify"],
    &["demo"],
    &["lag"],
    &["parked"],
    &["doctor"],
    &["top"],
    &["graph"],
    &["graph", "--live"],
    &["metrics", "reference"],
    &["schema", "register", "--root", concat!(env!("CARGO_MANIFEST_DIR"), "/..")],
    &["catalog", "export", "--root", concat!(env!("CARGO_MANIFEST_DIR"), "/..")],
];

/// Everything that a command says, and how it ends.
struct Said {
    text: String,
    code: Option<i32>,
}

fn say(args: &[&str], env: &[(&str, &str)]) -> Result<Said> {
    let folder = tempfile::tempdir()?;
    let done = Command::new(binary()?).args(args).envs(env.iter().copied()).current_dir(folder.path()).output()?;
    let text = [done.stdout, done.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    for part in SPLIT.iter().chain(&[BASIC]) {
        ensure!(!text.contains(part), "`{}` shows a secret: {text}", args.join(" "));
    }
    ensure!(!text.contains("panicked"), "{text}");
    Ok(Said { text, code: done.status.code() })
}

#[test]
fn secure_help_shows_no_secret_of_the_environment() -> Result<()> {
    let env = [
        ("ORDERFLOW_KAFKA_OPTIONS", "sasl.password=quillspottingmoon+zoomrunnythistorm"),
        ("ORDERFLOW_KAFKA_SECRETS", "sasl.password=quillspottingmoon+zoomrunnythistorm"),
        ("ORDERFLOW_REGISTRY", "http://u:quillspottingmoon+zoomrunnythistorm@127.0.0.1:1"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://u:quillspottingmoon+zoomrunnythistorm@127.0.0.1:1"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=quillspottingmoon+zoomrunnythistorm"),
    ];
    let top = say(&["--help"], &env)?;
    for command in COMMANDS {
        say(&[&command[..1], &["--help"]].concat(), &env)?;
        say(&[command, &["--help"][..]].concat(), &env)?;
    }
    let listed = top.text.split("Commands:").nth(1).and_then(|rest| rest.split("\n\n").next()).context("a list")?;
    for name in listed.lines().filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help") {
        ensure!(COMMANDS.iter().any(|command| command[0] == name), "COMMANDS lacks `orderflow {name}`");
    }
    Ok(())
}

#[test]
fn secure_bad_options_are_refused_without_their_values() -> Result<()> {
    let nobody = ["--bootstrap", "127.0.0.1:1"];
    let cases: &[(&[&str], &str)] = &[
        (&["--kafka-option", "sasl.passwort=quillspottingmoon+zoomrunnythistorm"], "\"sasl.passwort\" is unknown"),
        (&["--kafka-option", "sasl.password=a,quillspottingmoon+zoomrunnythistorm"], "number 2 has no \"=\""),
        (
            &["--kafka-option", "security.protocol=quillspottingmoon+zoomrunnythistorm"],
            "\"security.protocol\" has a value that cannot be",
        ),
        (
            &[
                "--kafka-option",
                "security.protocol=SSL",
                "--kafka-option",
                "ssl.key.pem=quillspottingmoon+zoomrunnythistorm",
            ],
            "make no client",
        ),
        (&["--kafka-secret", "sasl.password=quillspottingmoon+zoomrunnythistorm"], "No such file"),
        (&["--kafka-secret", "quillspottingmoon+zoomrunnythistorm"], "Kafka secret number 1 has no \"=\""),
    ];
    for (flags, why) in cases {
        for command in [&["topics", "plan"][..], &["order", "submit", "--item", "a=1"], &["run", "order-intake"]] {
            let said = say(&[command, &nobody, flags].concat(), &[])?;
            ensure!(said.text.contains(why) && said.text.contains("hint: "), "`{command:?}` {flags:?}: {}", said.text);
            ensure!(matches!(said.code, Some(2 | 3)), "{:?}: {}", said.code, said.text);
        }
    }
    let said = say(
        &["topics", "plan"],
        &[
            ("ORDERFLOW_BOOTSTRAP", "127.0.0.1:1"),
            ("ORDERFLOW_KAFKA_OPTIONS", "sasl.username=a,quillspottingmoon+zoomrunnythistorm"),
        ],
    )?;
    ensure!(said.text.contains("number 2"), "{}", said.text);
    Ok(())
}

/// A password that the broker refuses, from a file and from the environment.
#[test]
fn secure_a_refused_password_is_never_shown() -> Result<()> {
    let kafka = kafka()?;
    let bootstrap = kafka.bootstrap(Login::Scram);
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("password");
    fs::write(&file, CANARY)?;
    let mut flags = vec!["--bootstrap".to_owned(), bootstrap, "--log".to_owned(), "trace,rdkafka=trace".to_owned()];
    for (name, value) in kafka.public("shop", Login::Scram) {
        flags.extend(["--kafka-option".to_owned(), format!("{name}={value}")]);
    }
    flags.extend(["--kafka-option".to_owned(), "debug=all".to_owned()]);
    flags.extend(["--kafka-secret".to_owned(), format!("sasl.password={}", file.display())]);
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let offline = [&["catalog"][..], &["schema"], &["verify"], &["graph"], &["metrics"], &["top"]];
    let online =
        |command: &&&[&str]| !offline.iter().any(|known| command.starts_with(known) && !command.contains(&"--live"));
    for command in COMMANDS.iter().filter(online) {
        let said = say(&[command, &flags[..]].concat(), &[])?;
        let told = if command[0] == "doctor" { "refuses the credentials" } else { "error[broker-refuses]: " };
        ensure!(said.text.contains(told), "`{}`: {}", command.join(" "), said.text);
        ensure!(said.code == Some(3), "{:?}: {}", said.code, said.text);
    }
    Ok(())
}

#[test]
fn secure_credentials_of_a_registry_are_never_shown() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("credentials");
    fs::write(&file, format!("u:{CANARY}\n"))?;
    let file = file.display().to_string();
    let commands: [&[&str]; 3] = [
        &["order", "submit", "--item", "a=1", "--embedded", "log"],
        &["item", "register", "a", "--price", "1", "--embedded", "log"],
        &["schema", "register", "--root", concat!(env!("CARGO_MANIFEST_DIR"), "/..")],
    ];
    let address = free_address()?;
    let urls = [
        format!("http://u:{CANARY}@{address}"),
        format!("ftp://u:{CANARY}@{address}"),
        format!("http://u:{CANARY}/@{address}"),
        format!("http://u:{CANARY}@"),
    ];
    for command in commands {
        for url in &urls {
            let said = say(&[command, &["--log", "trace", "--registry", url]].concat(), &[])?;
            ensure!(said.text.contains("error[registry]: "), "{}", said.text);
        }
        let plain = format!("http://{address}");
        let named = ["--log", "trace", "--registry", &plain, "--registry-credentials"];
        let said = say(&[command, &named, &[file.as_str()]].concat(), &[])?;
        ensure!(said.text.contains("no connection"), "{}", said.text);
        let said = say(&[command, &named, &[CANARY]].concat(), &[])?;
        ensure!(said.text.contains("error[secret-unreadable]: "), "{}", said.text);
    }
    Ok(())
}

/// What the chart puts into a pod's environment, with a folder in place of the pod's mounts.
#[test]
fn secure_the_charts_environment_is_understood() -> Result<()> {
    let kafka = kafka()?;
    let rendered = include_str!("../../../chart/snapshots/production.yaml");
    let pod =
        rendered.split("\nkind: ").find(|it| it.starts_with("StatefulSet") && it.contains("args: [run, item-lookup]"));
    let value = |name: &str| -> Result<String> {
        let after = pod.context("a pod")?.split_once(&format!("- name: {name}\n")).context("a variable")?.1;
        let line = after.lines().next().unwrap_or_default().trim();
        Ok(line.strip_prefix("value: ").context("a value")?.trim_matches('"').to_owned())
    };
    let folder = tempfile::tempdir()?;
    for (name, content) in [
        ("sasl/username", b"admin".to_vec()),
        ("sasl/password", kafka.password("admin").as_bytes().to_vec()),
        ("tls/ca.crt", fs::read(kafka.file("ca.pem"))?),
    ] {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().context("a folder")?)?;
        fs::write(file, content)?;
    }
    let mounted = |text: String| text.replace("/etc/orderflow", &folder.path().display().to_string());
    let (options, secrets) = (mounted(value("ORDERFLOW_KAFKA_OPTIONS")?), mounted(value("ORDERFLOW_KAFKA_SECRETS")?));
    let bootstrap = kafka.bootstrap(Login::Scram);
    let said = say(
        &["topics", "plan"],
        &[
            ("ORDERFLOW_BOOTSTRAP", &bootstrap),
            ("ORDERFLOW_KAFKA_OPTIONS", &options),
            ("ORDERFLOW_KAFKA_SECRETS", &secrets),
        ],
    )?;
    ensure!(said.code == Some(0) && said.text.contains(" to create, "), "{}", said.text);
    Ok(())
}

/// A processor that runs well, and as loudly as it can, on a password of its own.
#[test]
fn secure_log_and_metrics_hold_no_password() -> Result<()> {
    super::acls::prepared()?;
    let kafka = kafka()?;
    let listen = free_address()?;
    let program = Program::new(&kafka.bootstrap(Login::Plain))?.with_flags(kafka.flags("item-lookup", Login::Plain));
    let data = program.arg("data");
    program.judge(|program| {
        let loud =
            ["--log", "trace,rdkafka=trace", "--kafka-option", "debug=all", "--instance", "loud", "--data", &data];
        let mut process = program.start("loud", &[&["run", "item-lookup", "--listen", &listen], &loud[..]].concat())?;
        // Any word may stand in such a log: what it serves says how far it is.
        eventually("readiness", LIMIT, || {
            ensure!(process.runs()?, "it ended");
            Ok(get(&listen, "/readyz").is_ok_and(|answer| answer.contains("200 OK")).then_some(()))
        })?;
        let metrics = get(&listen, "/metrics")?;
        ensure!(metrics.contains("200 OK"), "{metrics}");
        process.stop()?;
        let log = process.log();
        ensure!(log.contains("librdkafka"), "it was not loud: {log}");
        let password = kafka.password("item-lookup");
        ensure!(!log.contains(password) && !metrics.contains(password), "it shows its password");
        Ok(())
    })
}
