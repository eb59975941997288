//! `orderflow doctor`: everything between this binary and a healthy flow, one line each, with the next step.

mod broker;
mod flow;
mod local;
mod schemas;
mod tasks;
#[cfg(test)]
mod tests;
mod transactions;

use std::path::PathBuf;
use std::time::Duration;

use engine::shell::kafka::Admin;

use crate::failure::Failure;
use crate::options::Place;
use crate::text::several;

/// Checks everything between this binary and a healthy flow, and says what to do: exit 0 fine, warnings allowed, 1
/// something is wrong, 3 something could not be checked
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of the stores, as for `run`
    #[arg(long, env = "ORDERFLOW_DATA", default_value = "data", value_name = "DIR")]
    data: PathBuf,
    /// Where an instance listens (`run --listen`): is it ready? May be given several times
    #[arg(long, value_name = "HOST:PORT", value_delimiter = ',')]
    ready: Vec<String>,
    /// A transaction that stays open for longer hangs; ours end within 11 s
    #[arg(long, value_name = "SECONDS", default_value_t = 15)]
    patience: u64,
    /// Prints one JSON object
    #[arg(long)]
    json: bool,
}

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Ok,
    Warn,
    Fail,
    /// It could not be checked.
    Unknown,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Check {
    /// What was looked at, in a word or two.
    pub check: String,
    pub verdict: Verdict,
    pub what: String,
    /// The next step; empty when all is well.
    pub next: String,
}

impl Check {
    fn new(verdict: Verdict, check: &str, what: impl Into<String>, next: impl Into<String>) -> Check {
        Check { check: check.to_owned(), verdict, what: what.into(), next: next.into() }
    }

    pub fn ok(check: &str, what: impl Into<String>) -> Check {
        Check::new(Verdict::Ok, check, what, "")
    }

    pub fn warn(check: &str, what: impl Into<String>, next: impl Into<String>) -> Check {
        Check::new(Verdict::Warn, check, what, next)
    }

    pub fn fail(check: &str, what: impl Into<String>, next: impl Into<String>) -> Check {
        Check::new(Verdict::Fail, check, what, next)
    }

    /// From an error of a call that the check needs.
    pub fn unknown(check: &str, error: &anyhow::Error) -> Check {
        let failure = error.chain().find_map(|cause| cause.downcast_ref::<Failure>());
        let (what, next) = match failure {
            Some(failure) => (failure.what.clone(), failure.hint.clone()),
            None => (format!("{error:#}"), String::new()),
        };
        let next = if next.is_empty() { "`--log debug` tells what the client did".to_owned() } else { next };
        Check::new(Verdict::Unknown, check, what, next)
    }
}

/// Runs the command.
pub fn run(args: &Args, place: &Place) -> anyhow::Result<()> {
    let settings = place.kafka_only("doctor")?;
    let mut said = Said { json: args.json, all: Vec::new() };
    said.say(vec![local::binary(), local::data(&args.data)]);
    let admin = Admin::open(&settings).map_err(crate::topics::failed)?;
    match broker::reachable(&admin, &settings) {
        Ok((check, brokers)) => {
            said.say(vec![check]);
            said.say(broker::configuration(&admin, &brokers, place.group_protocol));
            let (topics, whole) = flow::topics(&admin);
            said.say(topics);
            if whole {
                said.say(broker::replication(&admin, brokers.len()));
                said.say(flow::limits(&admin));
                said.say(flow::groups(&settings));
                said.say(tasks::open(&settings));
                said.say(vec![transactions::open(&settings, Duration::from_secs(args.patience))]);
                said.say(vec![flow::clock(&settings)]);
                said.say(flow::dead_letters(place));
            }
        }
        Err(check) => said.say(vec![check]),
    }
    said.say(schemas::registry(place, &args.data));
    said.say(args.ready.iter().map(|address| local::ready(address)).collect());
    said.close()
}

/// What was found so far; a line is printed as soon as it is known.
struct Said {
    json: bool,
    all: Vec<Check>,
}

impl Said {
    fn say(&mut self, checks: Vec<Check>) {
        if !self.json {
            checks.iter().for_each(|check| out!("{}", line(check)));
        }
        self.all.extend(checks);
    }

    fn close(self) -> anyhow::Result<()> {
        if self.json {
            outln!("{}", serde_json::to_string_pretty(&serde_json::json!({ "checks": self.all }))?);
        } else {
            outln!("\n{}", summary(&self.all));
        }
        judged(&self.all)
    }
}

fn line(check: &Check) -> String {
    let mark = match check.verdict {
        Verdict::Ok => "ok",
        Verdict::Warn => "warn",
        Verdict::Fail => "fail",
        Verdict::Unknown => "?",
    };
    let mut line = format!("{mark:<5} {:<12} {}\n", check.check, check.what.replace('\n', " "));
    if !check.next.is_empty() {
        line.push_str(&format!("{:<18} next: {}\n", "", check.next.replace('\n', " ")));
    }
    line
}

fn count(checks: &[Check], verdict: Verdict) -> usize {
    checks.iter().filter(|check| check.verdict == verdict).count()
}

fn summary(checks: &[Check]) -> String {
    let mut parts = vec![format!("{} fine", count(checks, Verdict::Ok))];
    let more = [(Verdict::Warn, "warning"), (Verdict::Fail, "failure")];
    let more = more.map(|(verdict, what)| (count(checks, verdict), what));
    parts.extend(more.iter().filter(|(count, _)| *count > 0).map(|(count, what)| several(*count, what)));
    let unknown = count(checks, Verdict::Unknown);
    if unknown > 0 {
        parts.push(format!("{unknown} not checked"));
    }
    parts.join(", ")
}

/// A failure outweighs what could not be checked.
fn judged(checks: &[Check]) -> anyhow::Result<()> {
    let (failed, unknown) = (count(checks, Verdict::Fail), count(checks, Verdict::Unknown));
    let hint = "each line says what to do next";
    match (failed, unknown) {
        (0, 0) => Ok(()),
        (0, _) => {
            let what = format!("{} could not be carried out", several(unknown, "check"));
            Err(Failure::unreachable("not-checked", what, hint).into())
        }
        _ => Err(Failure::new("unhealthy", format!("{} failed", several(failed, "check")), hint).into()),
    }
}
