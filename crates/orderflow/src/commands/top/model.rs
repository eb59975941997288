//! What the screen shows, worked out from one look at the cluster after the other.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::survey::{Lag, Standing};

/// Looks that a line of little bars goes back.
const HISTORY: usize = 60;

/// One look at the cluster.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// Milliseconds on a clock that never jumps.
    pub at_ms: u64,
    pub standings: Vec<Standing>,
    /// Sum of the high watermarks of a topic.
    pub written: BTreeMap<&'static str, i64>,
    /// Dead letters of a processor.
    pub dead: BTreeMap<&'static str, u64>,
}

/// What the watching thread says.
#[derive(Debug, Clone)]
pub enum Update {
    Sample(Box<Sample>),
    /// Why there is none, if it is for another reason than a broker that does not answer.
    Trouble(Option<String>),
}

/// The order of the processors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// As in topics.yaml.
    Flow,
    Lag,
    In,
}

impl Sort {
    pub fn next(self) -> Sort {
        match self {
            Sort::Flow => Sort::Lag,
            Sort::Lag => Sort::In,
            Sort::In => Sort::Flow,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Sort::Flow => "flow",
            Sort::Lag => "lag",
            Sort::In => "in/s",
        }
    }
}

/// A line about a processor.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub name: &'static str,
    pub members: usize,
    pub tasks: usize,
    pub tasks_of: u32,
    pub lag: Lag,
    /// Offsets a second; `None` after the first look.
    pub in_rate: Option<f64>,
    pub out_rate: Option<f64>,
    pub dead: u64,
    pub history: VecDeque<f64>,
}

/// A line about a topic.
#[derive(Debug, Clone, PartialEq)]
pub struct TopicRow {
    pub name: &'static str,
    pub offsets: i64,
    pub rate: Option<f64>,
    pub history: VecDeque<f64>,
}

/// Everything on the screen.
#[derive(Debug, Clone)]
pub struct Model {
    pub bootstrap: String,
    pub interval: Duration,
    /// When the cluster answered last, or the beginning; wall clock in milliseconds since 1970-01-01 UTC.
    pub answered_ms: i64,
    pub trouble: Option<String>,
    pub rows: Vec<Row>,
    pub topics: Vec<TopicRow>,
    pub sort: Sort,
    pub paused: bool,
    pub help: bool,
    last: Option<Sample>,
}

impl Model {
    /// Nothing is known yet.
    pub fn new(bootstrap: &str, interval: Duration, now_ms: i64) -> Model {
        Model {
            bootstrap: bootstrap.to_owned(),
            interval,
            answered_ms: now_ms,
            trouble: None,
            rows: Vec::new(),
            topics: Vec::new(),
            sort: Sort::Flow,
            paused: false,
            help: false,
            last: None,
        }
    }

    /// Whether the cluster has answered at all.
    pub fn seen(&self) -> bool {
        self.last.is_some()
    }

    /// For how long it has not answered, when that is longer than usual.
    pub fn silent_ms(&self, now_ms: i64) -> Option<i64> {
        let silent = now_ms - self.answered_ms;
        let usual = 3 * self.interval.as_millis() as i64;
        (silent > usual || self.trouble.is_some()).then_some(silent)
    }

    /// Takes what the watching thread said. A paused screen knows that the cluster answers and shows nothing new.
    pub fn take(&mut self, update: Update, now_ms: i64) {
        match update {
            Update::Trouble(why) => self.trouble = why,
            Update::Sample(sample) => {
                self.answered_ms = now_ms;
                self.trouble = None;
                if !self.paused {
                    self.sample(*sample);
                }
            }
        }
    }

    fn sample(&mut self, sample: Sample) {
        let last = self.last.as_ref();
        let seconds = last.map(|last| sample.at_ms.saturating_sub(last.at_ms) as f64 / 1_000.0);
        // What was deleted or created anew meanwhile has no rate.
        let rate = |before: Option<i64>, now: i64| {
            let grown = now.checked_sub(before?).filter(|grown| *grown >= 0)?;
            seconds.filter(|seconds| *seconds > 0.0).map(|seconds| grown as f64 / seconds)
        };
        let written = |topic: &str| {
            let before = last.and_then(|last| last.written.get(topic).copied());
            rate(before, sample.written.get(topic).copied().unwrap_or_default())
        };
        let rows = sample.standings.iter().map(|standing| {
            let name = standing.topology.name;
            let before = last.and_then(|last| last.standings.iter().find(|it| it.topology.name == name));
            let in_rate = rate(before.map(committed), committed(standing));
            let own = standing.topology.outputs.iter().filter(|topic| writers(&sample, topic.name) == 1);
            let out_rate = own.map(|topic| written(topic.name)).reduce(|sum, it| Some(sum? + it?)).flatten();
            let history = self.rows.iter().find(|row| row.name == name).map(|row| row.history.clone());
            Row {
                name,
                members: standing.group.members.len(),
                tasks: standing.tasks(),
                tasks_of: standing.topology.partitions,
                lag: standing.lag(),
                in_rate,
                out_rate,
                dead: sample.dead.get(name).copied().unwrap_or_default(),
                history: pushed(history.unwrap_or_default(), in_rate),
            }
        });
        let rows: Vec<Row> = rows.collect();
        // In the order of topics.yaml.
        let names = contract::TOPICS.iter().map(|topic| topic.name).filter(|name| sample.written.contains_key(name));
        let topics = names.map(|name| {
            let rate = written(name);
            let history = self.topics.iter().find(|row| row.name == name).map(|row| row.history.clone());
            let offsets = sample.written[name];
            TopicRow { name, offsets, rate, history: pushed(history.unwrap_or_default(), rate) }
        });
        self.topics = topics.collect();
        self.rows = rows;
        self.last = Some(sample);
    }

    /// The rows in the order that was asked for.
    pub fn sorted(&self) -> Vec<&Row> {
        let mut rows: Vec<&Row> = self.rows.iter().collect();
        match self.sort {
            Sort::Flow => {}
            Sort::Lag => rows.sort_by_key(|row| std::cmp::Reverse(row.lag.records)),
            Sort::In => {
                rows.sort_by(|one, other| other.in_rate.unwrap_or_default().total_cmp(&one.in_rate.unwrap_or_default()))
            }
        }
        rows
    }
}

/// Sum of the committed offsets.
fn committed(standing: &Standing) -> i64 {
    let partitions = standing.inputs.iter().flat_map(|input| &input.partitions);
    partitions.map(|it| it.committed.unwrap_or(it.ends.first)).sum()
}

/// How many processors write to a topic.
fn writers(sample: &Sample, topic: &str) -> usize {
    let writes = |standing: &&Standing| standing.topology.outputs.iter().any(|output| output.name == topic);
    sample.standings.iter().filter(writes).count()
}

fn pushed(mut history: VecDeque<f64>, rate: Option<f64>) -> VecDeque<f64> {
    history.extend(rate);
    while history.len() > HISTORY {
        history.pop_front();
    }
    history
}
