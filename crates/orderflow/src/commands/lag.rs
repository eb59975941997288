//! `orderflow lag`: what waits in front of each processor, counted in records.

use serde_json::{Value, json};

use crate::decode::time;
use crate::failure::Failure;
use crate::options::Place;
use crate::processors;
use crate::survey::{Lag, Partition, Standing, Surveyor};
use crate::text::{number, span, table};

/// Of each partition so many waiting records are counted; above that their offsets are an upper bound.
const COUNT_MAX: u64 = 10_000;

/// What waits in front of each processor: committed records that it has not handled yet, and the age of the oldest
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only these processors
    #[arg(value_name = "PROCESSOR")]
    processors: Vec<String>,
    /// One line for each partition, with its offsets
    #[arg(long)]
    partitions: bool,
    /// Prints one JSON object, partitions included
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: &Args, place: &Place) -> anyhow::Result<()> {
    let known = match args.processors.as_slice() {
        [] => processors::ALL.to_vec(),
        names => names.iter().map(|name| processors::find(name)).collect::<anyhow::Result<_>>()?,
    };
    let settings = place.kafka_only("tool")?;
    let mut surveyor = Surveyor::open(&settings, known.iter().map(|known| known.topology()).collect())?;
    surveyor.check()?;
    let standings = surveyor.look(COUNT_MAX)?;
    let now_ms = crate::envelope::now_ms();
    if args.json {
        let all: Vec<Value> = standings.iter().map(|standing| object(standing, now_ms)).collect();
        outln!("{:#}", json!({ "at": time(now_ms), "processors": all }));
        return unread(&standings);
    }
    out!("{}", if args.partitions { by_partition(&standings, now_ms) } else { by_input(&standings, now_ms) });
    notes(&standings);
    unread(&standings)
}

/// What to do about partitions that nobody reads.
pub const UNREAD: &str = "no partition goes away again: declare a new major version of the topic in topics.yaml, move to it, \
                          and send what stands in the partitions beyond again";

/// An error when an input has partitions that nobody reads: no number of the table would show it.
fn unread(standings: &[Standing]) -> anyhow::Result<()> {
    let all: Vec<String> = standings.iter().filter_map(Standing::unread).collect();
    if all.is_empty() {
        return Ok(());
    }
    Err(Failure::new("partitions-unread", all.join("\n  "), UNREAD).into())
}

/// Records, with `≤` in front where they were not counted one by one.
pub fn records(lag: Lag) -> String {
    format!("{}{}", if lag.exact { "" } else { "≤" }, number(lag.records))
}

/// How old the oldest record is.
pub fn age(lag: Lag, now_ms: i64) -> String {
    lag.oldest_ms.map_or_else(|| "-".to_owned(), |oldest| span(now_ms - oldest))
}

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

fn by_input(standings: &[Standing], now_ms: i64) -> String {
    let mut rows = vec![row(["PROCESSOR", "STATE", "INPUT", "LAG", "OLDEST"])];
    for standing in standings {
        let mut first = (standing.topology.name, standing.state());
        for input in &standing.inputs {
            let lag = Lag::of(input.partitions.iter());
            rows.push(row([first.0, &first.1, input.topic, &records(lag), &age(lag, now_ms)]));
            first = ("", String::new());
        }
    }
    table(&rows)
}

fn by_partition(standings: &[Standing], now_ms: i64) -> String {
    let head = ["PROCESSOR", "INPUT", "PARTITION", "COMMITTED", "LAST STABLE", "HIGH WATERMARK", "LAG", "OLDEST"];
    let mut rows = vec![row(head)];
    for standing in standings {
        for input in &standing.inputs {
            for it in &input.partitions {
                let lag = Lag::of([it].into_iter());
                let committed = it.committed.map_or_else(|| "-".to_owned(), |offset| offset.to_string());
                rows.push(row([
                    standing.topology.name,
                    input.topic,
                    &it.partition.to_string(),
                    &committed,
                    &it.ends.last_stable_offset.to_string(),
                    &it.ends.high_watermark.to_string(),
                    &records(lag),
                    &age(lag, now_ms),
                ]));
            }
        }
    }
    table(&rows)
}

/// What a person should know besides, and what to do about it.
fn notes(standings: &[Standing]) {
    for standing in standings {
        let name = standing.topology.name;
        if standing.group.members.is_empty() {
            let never = if standing.ever_ran() { "has no members" } else { "never ran here" };
            eprintln!("note: \"{name}\" {never}; `orderflow run {name}` starts it");
        }
        let partitions = || standing.inputs.iter().flat_map(|input| &input.partitions);
        if partitions().any(|it| it.ends.last_stable_offset < it.ends.high_watermark) {
            eprintln!(
                "note: inputs of \"{name}\" end with an open transaction; its records count once it is committed"
            );
        }
    }
    if standings.iter().any(|standing| !standing.lag().exact) {
        eprintln!(
            "note: \"≤\" counts offsets, of which some are no records: more than {} in a partition are not counted",
            number(COUNT_MAX)
        );
    }
}

fn object(standing: &Standing, now_ms: i64) -> Value {
    let inputs: Vec<Value> = standing
        .inputs
        .iter()
        .map(|input| {
            let mut object = lag_of(Lag::of(input.partitions.iter()), now_ms);
            object["topic"] = input.topic.into();
            object["partitions"] = input.partitions.iter().map(|it| partition(it, now_ms)).collect();
            object
        })
        .collect();
    let mut object = lag_of(standing.lag(), now_ms);
    object["processor"] = standing.topology.name.into();
    object["state"] = standing.state().into();
    object["ever_ran"] = standing.ever_ran().into();
    object["members"] = standing.group.members.len().into();
    object["tasks"] = json!({ "assigned": standing.tasks(), "of": standing.topology.partitions });
    object["inputs"] = inputs.into();
    object
}

fn partition(it: &Partition, now_ms: i64) -> Value {
    let mut object = lag_of(Lag::of([it].into_iter()), now_ms);
    object["partition"] = it.partition.into();
    object["committed"] = it.committed.into();
    object["last_stable_offset"] = it.ends.last_stable_offset.into();
    object["high_watermark"] = it.ends.high_watermark.into();
    object
}

fn lag_of(lag: Lag, now_ms: i64) -> Value {
    let age = lag.oldest_ms.map(|oldest| (now_ms - oldest).max(0));
    json!({ "lag_records": lag.records, "lag_exact": lag.exact, "oldest_age_ms": age })
}
