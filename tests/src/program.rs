//! `orderflow` as a person meets it: commands that succeed or fail with a message, processors that warn.

use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use engine::shell::client::{Client, From, Message};
use engine::shell::kafka::{Admin, KafkaClient, KafkaSettings};
use tempfile::TempDir;

use crate::child::reserve;
use crate::flow::Orderflow;
use crate::wait::eventually;

/// A command that takes longer hangs.
const TOOL_LIMIT: Duration = Duration::from_secs(300);

/// How long commands wait for an answer unless a test says otherwise.
const PATIENCE_SECONDS: &str = "120";

/// Runs `orderflow` against one cluster, everything of it in one temporary folder.
pub struct Program {
    bootstrap: String,
    registry: Option<String>,
    /// Of every command.
    flags: Vec<String>,
    folder: Cell<Option<TempDir>>,
    path: PathBuf,
    number: Cell<usize>,
    /// Folders of processes, and what they ran.
    ran: RefCell<Vec<(PathBuf, String)>>,
}

/// A command that has ended.
#[derive(Debug, Clone)]
pub struct Done {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
    pub took: Duration,
    args: String,
}

impl Program {
    /// For this cluster; `bootstrap` need not answer.
    pub fn new(bootstrap: &str) -> Result<Program> {
        let folder = tempfile::Builder::new().prefix("orderflow-broker-").tempdir().context("no temporary folder")?;
        Ok(Program {
            bootstrap: bootstrap.to_owned(),
            registry: None,
            flags: Vec::new(),
            path: folder.path().to_owned(),
            folder: Cell::new(Some(folder)),
            number: Cell::new(0),
            ran: RefCell::default(),
        })
    }

    /// Every command names this schema registry, too.
    #[must_use]
    pub fn with_registry(mut self, url: &str) -> Program {
        self.registry = Some(url.to_owned());
        self
    }

    /// Every command gets these flags, too.
    #[must_use]
    pub fn with_flags(mut self, flags: Vec<String>) -> Program {
        self.flags = flags;
        self
    }

    /// Where the brokers are.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// A path in the folder.
    pub fn at(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The same as an argument.
    pub fn arg(&self, name: &str) -> String {
        self.at(name).display().to_string()
    }

    /// Runs a command to its end.
    pub fn tool(&self, args: &[&str]) -> Result<Done> {
        let since = Instant::now();
        let mut process = self.start("tool", args)?;
        let ended = process.wait(TOOL_LIMIT)?;
        let (code, took, args) = (ended.status.code(), since.elapsed(), args.join(" "));
        Ok(Done { code, out: ended.out, err: ended.err, took, args })
    }

    /// Runs a command that must succeed.
    pub fn ok(&self, args: &[&str]) -> Result<Done> {
        let done = self.tool(args)?;
        ensure!(done.code == Some(0), "this should have worked: {done}");
        Ok(done)
    }

    /// Runs a command that must fail with this exit code, this error code and a hint.
    pub fn fails(&self, args: &[&str], exit: i32, error: &str) -> Result<Done> {
        let done = self.tool(args)?;
        ensure!(done.code == Some(exit), "exit {exit} was expected: {done}");
        ensure!(done.err.contains(&format!("error[{error}]: ")), "error[{error}] was expected: {done}");
        ensure!(done.err.contains("\nhint: "), "a hint was expected: {done}");
        ensure!(!done.err.contains("panicked"), "it panicked: {done}");
        Ok(done)
    }

    /// Starts a command that goes on.
    pub fn start(&self, name: &str, args: &[&str]) -> Result<Orderflow> {
        self.number.set(self.number.get() + 1);
        let folder = self.at(&format!("{}-{name}", self.number.get()));
        self.ran.borrow_mut().push((folder.clone(), args.join(" ")));
        let place = ["--bootstrap", self.bootstrap.as_str()].into_iter();
        let registry = self.registry.iter().flat_map(|url| ["--registry", url.as_str()]);
        let flags = self.flags.iter().map(String::as_str);
        // A person waits for seconds, a test on a busy machine for minutes.
        let patient: &[&str] = match args {
            ["order", "submit", ..] => &["--patience", "--wait"],
            ["item", "register", ..] => &["--wait"],
            _ => &[],
        };
        let patient = patient.iter().filter(|flag| !args.contains(flag)).flat_map(|flag| [*flag, PATIENCE_SECONDS]);
        let args = args.iter().copied().chain(patient).chain(place).chain(registry).chain(flags);
        let mut process = Orderflow::new(name, folder, args)?;
        process.start()?;
        Ok(process)
    }

    /// Starts processors as instance `instance`, with the store `data` of this folder.
    pub fn run(&self, processors: &[&str], instance: &str, data: &str) -> Result<Orderflow> {
        let data = self.arg(data);
        let args = [&["run"], processors, &["--data", &data, "--instance", instance]].concat();
        self.start(instance, &args)
    }

    /// A client of the cluster, for records that no command sends.
    pub fn client(&self) -> Result<KafkaClient> {
        let settings =
            KafkaSettings { bootstrap: self.bootstrap.clone(), instance: "test".into(), ..KafkaSettings::default() };
        Ok(KafkaClient::open(settings)?)
    }

    /// An administrator of the cluster.
    pub fn admin(&self) -> Result<Admin> {
        Ok(Admin::open(&crate::flow::settings(&self.bootstrap))?)
    }

    /// Every committed record of these topics.
    pub fn read(&self, topics: &[&str]) -> Result<Vec<Message>> {
        let mut tail = self.client()?.tail(topics, From::Start)?;
        let mut all = Vec::new();
        eventually("the end of the topics", Duration::from_secs(180), || {
            let page = tail.poll(Duration::from_millis(200))?;
            let over = page.is_empty() && tail.caught_up();
            all.extend(page);
            Ok(over.then_some(()))
        })?;
        Ok(all)
    }

    /// Runs a test's body; when it fails, prints the ends of all logs and keeps the folder.
    pub fn judge<T>(&self, body: impl FnOnce(&Program) -> Result<T>) -> Result<T> {
        let done = body(self);
        if done.is_err() {
            self.keep();
        }
        done
    }

    fn keep(&self) {
        let Some(folder) = self.folder.take() else { return };
        for (folder, args) in self.ran.borrow().iter() {
            let text = std::fs::read_to_string(folder.join("err-1.log")).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            if !lines.is_empty() {
                eprintln!("--- orderflow {args}\n{}", lines[lines.len().saturating_sub(25)..].join("\n"));
            }
        }
        eprintln!("logs and stores are kept in {}", folder.keep().display());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.keep();
        }
    }
}

impl Done {
    /// What follows `name` and a space at the beginning of a line of its output.
    pub fn value(&self, name: &str) -> Result<String> {
        let found = self.out.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(found.with_context(|| format!("no line \"{name} ...\": {self}"))?.trim().to_owned())
    }
}

impl std::fmt::Display for Done {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "`orderflow {}` ended with {:?} after {:?}\n{}{}",
            self.args, self.code, self.took, self.out, self.err
        )
    }
}

/// What a process logged as WARN or ERROR.
pub fn warnings(process: &Orderflow) -> Vec<String> {
    let log = process.log();
    let bad = |line: &&str| line.split_whitespace().nth(1).is_some_and(|level| matches!(level, "WARN" | "ERROR"));
    log.lines().filter(bad).map(str::to_owned).collect()
}

/// Waits until a process has logged this; an error when it ends before.
pub fn logged(process: &mut Orderflow, what: &str, limit: Duration) -> Result<()> {
    eventually(&format!("\"{}\" to log \"{what}\"", process.name), limit, || {
        if process.log().contains(what) {
            return Ok(Some(()));
        }
        ensure!(process.runs()?, "it ended\n{}", process.tail());
        Ok(None)
    })
}

/// A GET of something local: the whole answer.
pub fn get(address: &str, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// A loopback address that nobody listens on, out of the range that the kernel hands out.
pub fn free_address() -> Result<String> {
    Ok(format!("127.0.0.1:{}", reserve(20_000)?))
}
