//! `orderflow schema` and a real registry: what it is given, what it is not, and what is said when it cannot be asked.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tests::Program;

const ASKED: &str = "schemas/reserve_line.avsc";
const SUBJECT: &str = "item-requests.v1-orderflow.ReserveLine";

/// A contract of its own: what this repository says, in the program's folder.
fn contract(program: &Program) -> Result<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = program.arg("contract");
    fs::create_dir_all(&folder)?;
    let copied =
        Command::new("cp").arg("-R").args([root.join("topics.yaml"), root.join("schemas")]).arg(&folder).status()?;
    ensure!(copied.success(), "cannot copy the contract");
    Ok(folder)
}

/// Gives ReserveLine another field and another version.
fn grow(folder: &str, version: (&str, &str), field: &str) -> Result<()> {
    let path = Path::new(folder).join(ASKED);
    let text = fs::read_to_string(&path)?;
    let next = text.replacen(&format!("\"version\": \"{}\"", version.0), &format!("\"version\": \"{}\"", version.1), 1);
    let (head, tail) = next.rsplit_once("\n  ]").context("the fields end")?;
    ensure!(next != text, "there is no version {}", version.0);
    Ok(fs::write(&path, format!("{head},\n    {field}\n  ]{tail}"))?)
}

#[test]
fn schema_commands_and_a_registry_agree() -> Result<()> {
    let mut server = tests::Registry::start()?;
    let url = server.url();
    let program = Program::new("127.0.0.1:1")?.with_registry(&url);
    program.judge(|program| {
        let folder = contract(program)?;
        let schema = |verb: &str, more: &[&str]| -> Vec<String> {
            let args = [&["schema", verb], more, &["--root", &folder]].concat();
            args.into_iter().map(str::to_owned).collect()
        };
        let ok = |verb: &str, more: &[&str]| {
            let args = schema(verb, more);
            program.ok(&args.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let fails = |verb: &str, more: &[&str], exit: i32, error: &str| {
            let args = schema(verb, more);
            program.fails(&args.iter().map(String::as_str).collect::<Vec<_>>(), exit, error)
        };
        let review = ["--against", url.as_str()];

        fails("review", &review, 3, "registry-empty")?;
        let planned = ok("register", &[])?;
        ensure!(planned.out.contains(&format!("register {SUBJECT} 1.0.0")), "{planned}");
        let (_, subjects) = server.call("GET", "/subjects", None)?;
        ensure!(subjects == json!([]), "a plan registers nothing: {subjects}");
        ok("register", &["--apply"])?;
        ensure!(ok("register", &["--apply"])?.out.contains(" 0 to register"), "it is idempotent");
        let (_, level) = server.call("GET", &format!("/config/{SUBJECT}"), None)?;
        ensure!(level["compatibilityLevel"] == "BACKWARD_TRANSITIVE", "{level}");
        ensure!(ok("review", &review)?.out.contains("nothing changed"), "what is registered is what is here");
        ok("pull", &[])?;

        grow(&folder, ("1.0.0", "1.1.0"), r#"{"name": "priority", "type": "int", "default": 0}"#)?;
        let grown = ok("review", &review)?;
        ensure!(grown.out.contains("+ priority: int") && grown.out.contains("minor"), "{grown}");
        fails("register", &["--apply"], 1, "unreleased")?;
        ok("release", &[])?;
        let registered = ok("register", &["--apply"])?;
        ensure!(registered.out.contains(&format!("registered {SUBJECT} 1.1.0 with id")), "{registered}");

        grow(&folder, ("1.1.0", "1.2.0"), r#"{"name": "shelf", "type": "string"}"#)?;
        let broken = fails("review", &review, 1, "breaking")?;
        ensure!(
            broken.out.contains("READER_FIELD_MISSING_DEFAULT_VALUE") && broken.out.contains("item-lookup"),
            "{broken}"
        );
        fails("release", &[], 1, "breaking")?;
        // Somebody releases it all the same: as a break that is meant.
        let path = Path::new(&folder).join(ASKED);
        fs::write(&path, fs::read_to_string(&path)?.replacen("1.2.0", "2.0.0", 1))?;
        ok("release", &[])?;
        let refused = fails("register", &["--apply"], 1, "registry-refused")?;
        ensure!(refused.out.contains(&format!("refused  {SUBJECT} 2.0.0 against version")), "{refused}");
        let text = fs::read_to_string(Path::new(&folder).join("schemas/released/ReserveLine/2.0.0.avsc"))?;
        let (status, said) =
            server.call("POST", &format!("/subjects/{SUBJECT}/versions"), Some(&json!({ "schema": text })))?;
        ensure!(status == 409, "the registry itself agrees: {status} {said}");

        foreign(&server, &folder, &fails)?;
        server.stop()?;
        for (verb, more) in [("review", &review[..]), ("register", &["--apply"]), ("pull", &[])] {
            let down = fails(verb, more, 3, "registry")?;
            ensure!(down.err.contains("no connection"), "{down}");
        }
        Ok(())
    })
}

type Fails<'a> = dyn Fn(&str, &[&str], i32, &str) -> Result<tests::Done> + 'a;

/// A version that nobody released is no base for a verdict.
fn foreign(server: &tests::Registry, folder: &str, fails: &Fails<'_>) -> Result<()> {
    let text = fs::read_to_string(Path::new(folder).join("schemas/released/ReserveLine/1.1.0.avsc"))?;
    let text = text.replacen("\"priority\"", "\"haste\"", 1);
    let path = format!("/subjects/{SUBJECT}/versions");
    let (status, said) = server.call("POST", &path, Some(&json!({ "schema": text })))?;
    ensure!(status == 200, "{said}");
    let url = server.url();
    let review = fails("review", &["--against", &url], 3, "registry-foreign")?;
    ensure!(review.err.contains(&format!("{SUBJECT} version 3")), "{review}");
    fails("register", &["--apply"], 3, "registry-foreign")?;
    let to = format!("{folder}/pulled");
    fails("pull", &["--to", &to], 1, "registry-foreign")?;
    let pulled = fs::read_to_string(Path::new(&to).join(SUBJECT).join("3.avsc"))?;
    ensure!(pulled.contains("haste"), "{pulled}");
    Ok(())
}

/// The path of a request, which is read to its end: whoever hangs up on unread bytes may take the answer back.
fn requested(stream: &TcpStream) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let (mut line, mut path, mut length) = (String::new(), None, 0);
    while reader.read_line(&mut line).is_ok_and(|read| read > 0) && !line.trim().is_empty() {
        path = path.or_else(|| line.split(' ').nth(1).map(str::to_owned));
        let header = line.to_ascii_lowercase();
        length = header.strip_prefix("content-length:").and_then(|it| it.trim().parse().ok()).unwrap_or(length);
        line.clear();
    }
    reader.read_exact(&mut vec![0; length]).ok()?;
    path
}

/// A registry that says these bodies for paths that end so, and nothing at all for the rest.
fn stub(answers: &'static [(&'static str, &'static str)]) -> Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let url = format!("http://{}", listener.local_addr()?);
    thread::spawn(move || {
        let mut silent = Vec::new();
        for mut stream in listener.incoming().map_while(Result::ok) {
            let path = requested(&stream).unwrap_or_default();
            let Some((_, body)) = answers.iter().find(|(end, _)| path.contains(end)) else {
                silent.push(stream);
                continue;
            };
            let status = if body.contains("error_code") { "404 Not Found" } else { "200 OK" };
            let answer = format!("HTTP/1.0 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            // Whoever asked may be gone; the test will say what it missed.
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    Ok(url)
}

#[test]
fn a_registry_that_is_slow_or_takes_no_writes_is_never_fine() -> Result<()> {
    let read_only = stub(&[
        ("/mode", r#"{"mode": "READONLY"}"#),
        ("/subjects", r#"{"error_code": 40401, "message": "not found"}"#),
        ("/config", r#"{"error_code": 40408, "message": "not found"}"#),
    ])?;
    let program = Program::new("127.0.0.1:1")?.with_registry(&read_only);
    program.judge(|program| {
        let folder = contract(program)?;
        let refused = program.fails(&["schema", "register", "--apply", "--root", &folder], 3, "registry-read-only")?;
        ensure!(refused.err.contains("READONLY"), "{refused}");
        Ok(())
    })?;
    let slow = stub(&[])?;
    let program = Program::new("127.0.0.1:1")?.with_registry(&slow);
    program.judge(|program| {
        let folder = contract(program)?;
        for args in [&["schema", "register"][..], &["schema", "review", "--against", &slow], &["schema", "pull"]] {
            let said =
                program.fails(&[args, &["--root", &folder, "--registry-timeout", "1"]].concat(), 3, "registry")?;
            ensure!(said.err.contains("no answer within 1s"), "{said}");
        }
        Ok(())
    })
}

/// A pull request that does four things at once: each is named by its line, with who breaks, why, and what to do.
#[test]
fn a_pull_request_is_reviewed_line_by_line() -> Result<()> {
    let program = Program::new("127.0.0.1:1")?;
    program.judge(|program| {
        let folder = contract(program)?;
        let git = |args: &[&str]| -> Result<()> {
            let author = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"];
            let status = Command::new("git").arg("-C").arg(&folder).args(author).args(args).status()?;
            ensure!(status.success(), "git {args:?}");
            Ok(())
        };
        git(&["init", "--quiet", "--initial-branch", "main", "."])?;
        git(&["add", "."])?;
        git(&["commit", "--quiet", "-m", "all"])?;
        git(&["checkout", "--quiet", "-b", "change"])?;
        let edit = |file: &str, from: &str, to: &str| -> Result<String> {
            let path = Path::new(&folder).join(file);
            let text = fs::read_to_string(&path)?;
            let at = text.find(from).with_context(|| format!("{file} has no {from}"))?;
            fs::write(&path, text.replacen(from, to, 1))?;
            Ok(format!("{file}:{}", text[..at].lines().count()))
        };
        let customer = r#"{"name": "customer_id", "type": "string"}"#;
        let buyer = r#"{"name": "buyer_id", "aliases": ["customer_id"], "type": "string"}"#;
        let renamed = edit("schemas/place_order.avsc", customer, buyer)?;
        let added =
            edit("schemas/release_line.avsc", "\n  ]", ",\n    {\"name\": \"why\", \"type\": \"string\"}\n  ]")?;
        let added =
            added.rsplit_once(':').map(|(file, line)| format!("{file}:{}", line.parse::<u32>().unwrap_or(0) + 1));
        let removed = edit("schemas/line_refused.avsc", "\"ITEM_RETIRED\", ", "")?;
        let unit = edit("schemas/line_parked.avsc", "timestamp-millis", "timestamp-micros")?;
        git(&["commit", "--quiet", "-a", "-m", "four things"])?;

        let review = |format: &str| {
            program.fails(
                &["schema", "review", "--against", "main", "--format", format, "--root", &folder],
                1,
                "breaking",
            )
        };
        let text = review("text")?.out;
        for (rule, place, breaks, why, fix) in [
            ("warning[field-renamed]", renamed, "order-intake", "customer_id", "order-intake"),
            ("error[field-without-default]", added.context("a line")?, "item-lookup", "cannot read", "\"default\""),
            ("warning[symbol-removed]", removed, "item-results.v1", "ITEM_RETIRED", "put it back"),
            ("error[unit-changed]", unit, "fulfilment", "the registry accept", "another name"),
        ] {
            let at = text.find(rule).with_context(|| format!("no {rule} in\n{text}"))?;
            let finding: String = text[at..].lines().take(5).map(|line| format!("{line}\n")).collect();
            for wanted in [place.as_str(), breaks, why, fix] {
                ensure!(finding.contains(wanted), "{rule} does not say \"{wanted}\":\n{finding}");
            }
        }
        ensure!(review("markdown")?.out.starts_with("<!-- orderflow schema review -->\n## Schema review"), "a comment");
        ensure!(review("github")?.out.lines().all(|line| line.starts_with("::")), "annotations");
        let json: serde_json::Value = serde_json::from_str(&review("json")?.out)?;
        ensure!(json["findings"].as_array().is_some_and(|all| all.len() >= 4), "{json}");
        ensure!(review("junit")?.out.contains("<testsuite"), "a report");
        program
            .fails(&["schema", "review", "--against", "no-such-branch", "--root", &folder], 3, "no-such-ref")
            .map(drop)
    })
}

/// `orderflow … | head` is how people look at things.
#[test]
fn a_reader_that_has_seen_enough_is_no_panic() -> Result<()> {
    let program = Program::new("127.0.0.1:1")?;
    let folder = contract(&program)?;
    let to = program.arg("catalogue");
    let mut child = Command::new(tests::binary()?)
        .args(["catalog", "export", "--root", &folder, "--to", &to])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    drop(child.stdout.take());
    let ended = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&ended.stderr);
    ensure!(ended.status.success() && said.is_empty(), "{}: {said}", ended.status);
    Ok(())
}
