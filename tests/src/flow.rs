//! `orderflow` itself, as processes of a test: they die with it, their logs are kept and must be clean.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use engine::shell::client::{Client, From, Message};
use engine::shell::kafka::{Admin, KafkaClient, KafkaSettings};
use serde_json::Value;
use tempfile::TempDir;

use crate::child::{release, spawn, terminate};
use crate::wait::eventually;

/// A clean stop commits what is in hand and leaves the group: seconds, unless the machine does something else.
const STOP_LIMIT: Duration = Duration::from_secs(120);
/// With the consumer protocol the broker refuses a killed instance's name for 6 s; restoring takes little.
const READY_LIMIT: Duration = Duration::from_secs(180);
/// The longest of a person's commands here is a verdict over 15,000 orders.
const TOOL_LIMIT: Duration = Duration::from_secs(600);
const LOG_TAIL: usize = 25;

/// The binary, built once. `ORDERFLOW_BIN` names another one.
pub fn binary() -> Result<&'static Path> {
    static BINARY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = BINARY.get_or_init(|| build().map_err(|error| format!("{error:#}")));
    built.as_deref().map_err(|error| anyhow!("orderflow was not built: {error}"))
}

fn build() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("ORDERFLOW_BIN") {
        return Ok(named.into());
    }
    // TARGET/PROFILE/deps/all-1234: the binary is made where the tests were, with the same profile.
    let test = std::env::current_exe()?;
    let folder = test.ancestors().nth(2).context("the test lies in no target folder")?;
    let target = folder.parent().context("no target folder")?;
    let release = folder.ends_with("release");
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--locked", "-p", "orderflow", "--target-dir"])
        .arg(target)
        .args(release.then_some("--release"))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .status()?;
    ensure!(status.success(), "cargo build: {status}");
    Ok(folder.join("orderflow"))
}

/// One process.
pub struct Orderflow {
    /// What it is, in messages: `fulfilment a`.
    pub name: String,
    args: Vec<OsString>,
    folder: PathBuf,
    child: Option<Child>,
    /// How often it was started, which numbers its logs.
    starts: usize,
}

/// How a process ended, and what it said.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
}

impl Ended {
    /// Fails, with everything it said, unless it ended with this code.
    pub fn expect(self, code: i32) -> Result<Ended> {
        if self.status.code() == Some(code) {
            return Ok(self);
        }
        bail!("{}, not code {code}\n--- stdout\n{}\n--- stderr\n{}", self.status, self.out, self.err)
    }

    /// The JSON object on the last line.
    pub fn json(&self) -> Result<Value> {
        let last = self.out.lines().last().unwrap_or_default();
        serde_json::from_str(last).with_context(|| format!("not JSON: {last}"))
    }
}

impl Orderflow {
    /// A process that does not run yet, with a folder for its data and logs.
    pub fn new<S: AsRef<OsStr>>(name: &str, folder: PathBuf, args: impl IntoIterator<Item = S>) -> Result<Orderflow> {
        fs::create_dir_all(&folder)?;
        let args = args.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
        Ok(Orderflow { name: name.to_owned(), args, folder, child: None, starts: 0 })
    }

    fn path(&self, what: &str) -> PathBuf {
        self.folder.join(format!("{what}-{}.log", self.starts))
    }

    /// Starts it, for the first time or again.
    pub fn start(&mut self) -> Result<()> {
        ensure!(self.child.is_none(), "{} runs already", self.name);
        self.starts += 1;
        let args: Vec<&OsStr> = self.args.iter().map(OsString::as_os_str).collect();
        let (out, err) = (File::create(self.path("out"))?, File::create(self.path("err"))?);
        self.child = Some(spawn(&self.folder, binary()?.as_os_str(), &args, &out, &err)?);
        Ok(())
    }

    /// Waits until it is assigned tasks, since it was last started.
    pub fn assigned(&mut self) -> Result<()> {
        let log = self.path("err");
        let assigned = eventually(&format!("{} to be assigned tasks", self.name), READY_LIMIT, || {
            ensure!(self.runs()?, "{} ended", self.name);
            Ok(fs::read_to_string(&log)?.contains(" assigned ").then_some(()))
        });
        assigned.with_context(|| self.tail())
    }

    /// Whether it runs at this moment.
    pub fn runs(&mut self) -> Result<bool> {
        match &mut self.child {
            None => Ok(false),
            Some(child) => Ok(child.try_wait()?.is_none()),
        }
    }

    /// SIGKILL, as a crash: nothing is flushed, nothing is said. An error when it had ended by itself.
    pub fn kill(&mut self) -> Result<()> {
        ensure!(self.runs()?, "{} had ended before it was killed\n{}", self.name, self.tail());
        self.end();
        Ok(())
    }

    /// SIGTERM; returns when it is gone, which must be with code 0 and soon.
    pub fn stop(&mut self) -> Result<()> {
        ensure!(self.runs()?, "{} had ended before it was stopped\n{}", self.name, self.tail());
        terminate(self.child.as_ref().context("just seen")?)?;
        self.wait(STOP_LIMIT)?.expect(0).map(drop).with_context(|| format!("{} stopped", self.name))
    }

    /// Waits for it to end by itself.
    pub fn wait(&mut self, limit: Duration) -> Result<Ended> {
        let child = self.child.as_mut().with_context(|| format!("{} does not run", self.name))?;
        let status = eventually(&format!("{} to end", self.name), limit, || Ok(child.try_wait()?));
        let status = status.with_context(|| self.tail())?;
        self.end();
        let (out, err) = (fs::read_to_string(self.path("out"))?, fs::read_to_string(self.path("err"))?);
        Ok(Ended { status, out, err })
    }

    fn end(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may be gone already.
            drop(child.kill());
            release(&mut child);
            drop(child.wait());
        }
    }

    /// The end of its last log.
    pub fn tail(&self) -> String {
        let log = fs::read_to_string(self.path("err")).unwrap_or_default();
        let all: Vec<&str> = log.lines().collect();
        format!("--- {}\n{}", self.name, all[all.len().saturating_sub(LOG_TAIL)..].join("\n"))
    }

    /// Everything it logged, over all its starts.
    pub fn log(&self) -> String {
        let logs = (1..=self.starts).map(|start| self.folder.join(format!("err-{start}.log")));
        logs.map(|log| fs::read_to_string(log).unwrap_or_default()).collect()
    }

    /// Lines that a healthy process does not write, be it killed or not.
    pub fn errors(&self) -> Vec<String> {
        let log = self.log();
        let bad = |line: &&str| [" ERROR ", "panicked at", "error["].iter().any(|word| line.contains(word));
        log.lines().filter(bad).map(|line| format!("{}: {line}", self.name)).collect()
    }
}

impl Drop for Orderflow {
    fn drop(&mut self) {
        self.end();
    }
}

/// How to reach a broker.
pub fn settings(bootstrap: &str) -> KafkaSettings {
    KafkaSettings { bootstrap: bootstrap.to_owned(), instance: "test".into(), ..KafkaSettings::default() }
}

/// Offsets written to these topics so far, markers included: a measure of progress.
pub fn written(admin: &Admin, topics: &[&str]) -> Result<i64> {
    let mut sum = 0;
    for name in topics {
        let spec = contract::TOPICS.iter().find(|spec| spec.name == *name);
        let spec = spec.with_context(|| format!("topics.yaml has no topic {name}"))?;
        for partition in 0..spec.partitions {
            sum += admin.bounds(name, partition)?.1;
        }
    }
    Ok(sum)
}

/// The flow on a broker: its instances, and a person's commands against it.
pub struct Flow {
    bootstrap: String,
    folder: Option<TempDir>,
    pub instances: Vec<Orderflow>,
    tools: usize,
    begun: Instant,
}

impl Flow {
    /// Topics as declared and no instance yet.
    pub fn new(bootstrap: &str) -> Result<Flow> {
        let folder = tempfile::Builder::new().prefix("orderflow-crash-").tempdir()?;
        let bootstrap = bootstrap.to_owned();
        let mut flow = Flow { bootstrap, folder: Some(folder), instances: Vec::new(), tools: 0, begun: Instant::now() };
        flow.tool(&["topics", "apply"])?.expect(0)?;
        flow.begun = Instant::now();
        Ok(flow)
    }

    /// A path in the folder of this flow.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.as_ref().expect("lives as long as the flow").path().join(name)
    }

    /// Tells what happens when, for whoever reads the output of the test.
    pub fn say(&self, what: &str) {
        println!("{:6.1} s  {what}", self.begun.elapsed().as_secs_f64());
    }

    /// Starts an instance of one processor; its number in `instances`.
    pub fn run(&mut self, processor: &str, instance: &str) -> Result<usize> {
        let folder = self.path(&format!("{processor}-{instance}"));
        let data = folder.join("data");
        let args = ["run", processor, "--instance", instance, "--bootstrap", &self.bootstrap, "--data"];
        let args = args.iter().map(OsStr::new).chain([data.as_os_str()]);
        let mut process = Orderflow::new(&format!("{processor} {instance}"), folder.clone(), args)?;
        process.start()?;
        self.instances.push(process);
        Ok(self.instances.len() - 1)
    }

    /// Starts a command of a person's.
    pub fn begin(&mut self, args: &[&str]) -> Result<Orderflow> {
        self.tools += 1;
        let folder = self.path(&format!("tool-{}", self.tools));
        let args = args.iter().copied().chain(["--bootstrap", &self.bootstrap]);
        let mut process = Orderflow::new(&args.clone().collect::<Vec<_>>().join(" "), folder, args)?;
        process.start()?;
        Ok(process)
    }

    /// Runs a command of a person's to its end.
    pub fn tool(&mut self, args: &[&str]) -> Result<Ended> {
        self.begin(args)?.wait(TOOL_LIMIT)
    }

    /// The same without a broker.
    pub fn local(&mut self, args: &[&str]) -> Result<Ended> {
        self.tools += 1;
        let folder = self.path(&format!("tool-{}", self.tools));
        let mut process = Orderflow::new(&args.join(" "), folder, args)?;
        process.start()?;
        process.wait(TOOL_LIMIT)
    }

    /// How to reach the broker.
    pub fn settings(&self) -> KafkaSettings {
        settings(&self.bootstrap)
    }

    /// All committed records of these topics.
    pub fn read(&self, topics: &[&str]) -> Result<Vec<Message>> {
        let mut client = KafkaClient::open(self.settings())?;
        let mut tail = client.tail(topics, From::Start)?;
        let mut all = Vec::new();
        eventually("the end of the topics", Duration::from_secs(180), || {
            let page = tail.poll(Duration::from_millis(200))?;
            let over = page.is_empty() && tail.caught_up();
            all.extend(page);
            Ok(over.then_some(()))
        })?;
        Ok(all)
    }

    /// Waits until every instance has joined its group.
    pub fn joined(&mut self) -> Result<()> {
        self.instances.iter_mut().try_for_each(Orderflow::assigned)
    }

    /// Stops every instance that runs, as Kubernetes does: all must end with code 0.
    pub fn stop(&mut self) -> Result<()> {
        self.instances.iter_mut().try_for_each(Orderflow::stop)
    }

    /// No instance logged an error.
    pub fn clean(&self) -> Result<()> {
        let errors: Vec<String> = self.instances.iter().flat_map(Orderflow::errors).collect();
        ensure!(errors.is_empty(), "instances logged errors:\n{}", errors.join("\n"));
        Ok(())
    }

    /// Runs a test's body; when it fails, the ends of all logs are part of the error and the folder is kept.
    pub fn judge(mut self, body: impl FnOnce(&mut Flow) -> Result<()>) -> Result<()> {
        let done = body(&mut self).and_then(|()| self.clean());
        self.say("end");
        let Err(error) = done else { return Ok(()) };
        let tails: Vec<String> = self.instances.iter().map(Orderflow::tail).collect();
        self.instances.clear();
        let kept = self.folder.take().map(TempDir::keep).unwrap_or_default();
        Err(error.context(format!("logs and data are kept in {}\n{}", kept.display(), tails.join("\n"))))
    }
}
