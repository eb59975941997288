//! The flow on the cluster: topics, groups, lag, clocks, dead letters.

use std::collections::{BTreeMap, BTreeSet};

use catalog::plan::{Plan, Wish};
use engine::core::headers;
use engine::shell::kafka::{Admin, At, Found, GroupProtocol, KafkaSettings, Survey};
use flow::Code;

use super::Check;
use crate::commands::lag::{UNREAD, age, records};
use crate::log::Log;
use crate::options::Place;
use crate::processors;
use crate::survey::{Standing, Surveyor};
use crate::text::{number, several, span};
use crate::topics::{built_in, failed, plan};

/// Names in one line; the rest is left out.
const NAMED: usize = 3;
/// Of each partition so many waiting records are counted.
const COUNT_MAX: u64 = 1_000;
/// A record from further in the future is worth a warning; from an hour on it becomes a dead letter.
const AHEAD_MS: i64 = 60_000;
/// Framing, headers and the batch around a record.
const OVERHEAD_BYTES: u64 = 16 << 10;

/// Topics against topics.yaml, and whether each of them is there.
pub fn topics(admin: &Admin) -> (Vec<Check>, bool) {
    match plan(admin, &built_in(), Wish { replicas: 1, retention_shrink: false }) {
        Ok(plan) => (differences(&plan), plan.create.is_empty()),
        Err(error) => (vec![Check::unknown("topics", &error)], false),
    }
}

/// The first few names of a list.
pub fn named(names: &[&str]) -> String {
    let more = if names.len() > NAMED { ", …" } else { "" };
    format!("{}{more}", names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", "))
}

pub fn differences(plan: &Plan) -> Vec<Check> {
    let apply = "`orderflow topics apply` makes it so; `orderflow topics plan` shows all that it would do";
    let missing: Vec<&str> = plan.create.iter().map(|it| it.topic.as_str()).collect();
    let what = || format!("{} missing: {}", several(missing.len(), "topic"), named(&missing));
    let create = (!missing.is_empty()).then(|| Check::fail("topics", what(), apply));
    let change = plan.change.iter().map(|it| {
        let what = format!("topic \"{}\" has {}={}, topics.yaml says {}", it.topic, it.property, it.from, it.to);
        Check::fail("topics", what, apply)
    });
    let refused =
        plan.refused.iter().map(|it| Check::fail("topics", format!("topic \"{}\" {}", it.topic, it.what), &it.hint));
    let mut checks: Vec<Check> = create.into_iter().chain(change).chain(refused).collect();
    if checks.is_empty() {
        let besides = match plan.drift.len() {
            0 => String::new(),
            count => format!("; {} in `orderflow topics plan`", several(count, "remark")),
        };
        checks.push(Check::ok("topics", format!("all {} as declared{besides}", several(plan.as_declared, "topic"))));
    }
    checks
}

/// Sizes and times of the topics against what processors need.
pub fn limits(admin: &Admin) -> Vec<Check> {
    let names: Vec<String> = contract::TOPICS.iter().map(|topic| topic.name.to_owned()).collect();
    match admin.describe(&names) {
        Ok(found) => vec![sizes(&found), retention(&found)],
        Err(error) => vec![Check::unknown("limits", &failed(error))],
    }
}

fn property(found: &Found, name: &str) -> Option<i64> {
    found.config.get(name)?.parse().ok()
}

pub fn sizes(found: &BTreeMap<String, Found>) -> Check {
    let need = contract::RECORD_BYTES_MAX as u64 + OVERHEAD_BYTES;
    let takes = |(name, topic)| Some((name, property(topic, "max.message.bytes")?.unsigned_abs()));
    match found.iter().filter_map(takes).min_by_key(|(_, bytes): &(&String, u64)| *bytes) {
        Some((name, bytes)) if bytes < need => {
            let what = format!(
                "topic \"{name}\" takes {} bytes, a record of ours may have {}",
                number(bytes),
                number(contract::RECORD_BYTES_MAX as u64)
            );
            Check::fail("sizes", what, "`orderflow topics apply` sets max.message.bytes as topics.yaml needs it")
        }
        _ => Check::ok(
            "sizes",
            format!("every topic takes records of {} bytes", number(contract::RECORD_BYTES_MAX as u64)),
        ),
    }
}

/// An input must be kept for as long as its duplicates are known, and its order for as long as itself.
pub fn retention(found: &BTreeMap<String, Found>) -> Check {
    let kept = |name: &str| match property(found.get(name)?, "retention.ms")? {
        -1 => Some(i64::MAX),
        ms => Some(ms),
    };
    let next = "`orderflow topics apply` sets retention.ms as topics.yaml says";
    for known in processors::ALL {
        let topology = known.topology();
        let order = kept(&format!("{}-order", topology.name)).unwrap_or(i64::MAX);
        for input in topology.inputs.iter().filter(|input| !input.compacted) {
            let Some(ms) = kept(input.topic) else { continue };
            if ms < topology.window_ms {
                let what = format!(
                    "topic \"{}\" is kept for {}, less than the dedup window of \"{}\" ({})",
                    input.topic,
                    span(ms),
                    topology.name,
                    span(topology.window_ms)
                );
                return Check::fail("retention", what, next);
            }
            if order < ms {
                let what = format!(
                    "the recorded order of \"{}\" is kept for {}, its input \"{}\" for longer: a reset could not follow it",
                    topology.name,
                    span(order),
                    input.topic
                );
                return Check::fail("retention", what, next);
            }
        }
    }
    Check::ok("retention", "inputs outlive the dedup windows, and the recorded order its inputs")
}

/// Who works, and what waits.
pub fn groups(settings: &KafkaSettings) -> Vec<Check> {
    let topologies = processors::ALL.iter().map(|known| known.topology()).collect();
    let looked = Surveyor::open(settings, topologies).and_then(|mut surveyor| surveyor.look(COUNT_MAX));
    match looked {
        Ok(standings) => standings.iter().map(|it| group(it, settings.protocol, crate::envelope::now_ms())).collect(),
        Err(error) => vec![Check::unknown("group", &error)],
    }
}

pub fn group(standing: &Standing, protocol: GroupProtocol, now_ms: i64) -> Check {
    let name = standing.topology.name;
    let lag = standing.lag();
    let what = format!("\"{name}\": {}, lag {}", standing.state(), records(lag));
    let what = if lag.oldest_ms.is_some() { format!("{what}, oldest {}", age(lag, now_ms)) } else { what };
    if let Some(lost) = lost(standing) {
        let next = "docs/OPERATIONS.md, \"A task that does not open\", says what can be done without losing the state";
        return Check::fail("group", format!("\"{name}\": {lost}"), next);
    }
    if let Some(unread) = standing.unread() {
        return Check::fail("group", format!("\"{name}\": {unread}"), UNREAD);
    }
    let ours = protocol == GroupProtocol::Consumer;
    if !standing.group.members.is_empty() && standing.group.consumer_protocol.is_some_and(|theirs| theirs != ours) {
        let what =
            format!("{what}; its members speak the {} group protocol", if ours { "classic" } else { "consumer" });
        return Check::warn("group", what, "give every command and every instance the same --group-protocol");
    }
    let start = format!("`orderflow run {name}` starts it");
    let members = standing.group.members.len();
    let (tasks, all) = (standing.tasks(), standing.topology.partitions as usize);
    match () {
        () if members == 0 && lag.records > 0 => Check::fail("group", what, start),
        () if members == 0 => Check::warn("group", what, start),
        () if tasks < all && lag.records > 0 => {
            let next = "a rebalance takes seconds; an instance that stays without tasks says why in its log";
            Check::warn("group", what, next)
        }
        () => match twin(standing) {
            Some(twin) => {
                Check::warn("group", format!("{what}; {twin}"), "give each instance a name of its own (--instance)")
            }
            None if members > all => Check::warn(
                "group",
                format!("{what}; {} have nothing to do", members - all),
                "scale down to one member for each task",
            ),
            None => Check::ok("group", what),
        },
    }
}

/// Records that the broker deleted before the group had read them.
fn lost(standing: &Standing) -> Option<String> {
    standing.inputs.iter().find_map(|input| {
        let gone = input.partitions.iter().find(|it| it.committed.is_some_and(|next| next < it.ends.first))?;
        Some(format!(
            "{}/{} was deleted up to offset {}, the group stands at {}: records were lost unread",
            input.topic,
            gone.partition,
            gone.ends.first,
            gone.committed.unwrap_or_default()
        ))
    })
}

/// Workers of one instance name on two machines: the name is given twice.
fn twin(standing: &Standing) -> Option<String> {
    let mut hosts: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for member in &standing.group.members {
        let (instance, _) = member.instance.rsplit_once('-')?;
        hosts.entry(instance).or_default().insert(&member.host);
    }
    let (instance, hosts) = hosts.into_iter().find(|(_, hosts)| hosts.len() > 1)?;
    Some(format!("instance \"{instance}\" runs on {}", hosts.into_iter().collect::<Vec<_>>().join(" and ")))
}

/// Records from the future: a sender's clock, or this one, is wrong.
pub fn clock(settings: &KafkaSettings) -> Check {
    let inputs: BTreeSet<&str> =
        processors::ALL.iter().flat_map(|known| known.topology().inputs).map(|input| input.topic).collect();
    let topics = contract::TOPICS.iter().filter(|topic| inputs.contains(topic.name));
    let at: Vec<At> =
        topics.flat_map(|topic| (0..topic.partitions).map(|partition| (topic.name.to_owned(), partition))).collect();
    let looked = Survey::open(settings).and_then(|survey| survey.since(&at, crate::envelope::now_ms() + AHEAD_MS));
    match looked {
        Err(error) => Check::unknown("clock", &failed(error)),
        Ok(ahead) => match ahead.first_key_value() {
            None => Check::ok("clock", "no input holds a record from the future"),
            Some(((topic, partition), offset)) => {
                let what = format!("{topic}/{partition}@{offset} is more than a minute ahead of this machine's clock");
                let next = "set the sender's clock, or this one; more than an hour ahead is rejected as `time-ahead`";
                Check::warn("clock", what, next)
            }
        },
    }
}

/// Records that could not be handled, by processor and code.
pub fn dead_letters(place: &Place) -> Vec<Check> {
    let names: Vec<String> = processors::ALL.iter().map(|known| format!("{}-dlq", known.name())).collect();
    let topics: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut counts = LetterCounts::new();
    let read = Log::open(place, "doctor").and_then(|log| log.client()).and_then(|mut client| {
        crate::commands::order::each_committed(&mut *client, &topics, |letter| {
            let processor = letter.topic.trim_end_matches("-dlq").to_owned();
            *counts.entry((processor, letter.header(headers::DLQ_CODE).to_owned())).or_default() += 1;
        })
    });
    if let Err(error) = read {
        return vec![Check::unknown("dead letters", &error)];
    }
    letters(&counts)
}

/// Dead letters by processor and code.
pub type LetterCounts = BTreeMap<(String, String), u64>;

/// What the dead letters say: how many there are, and whether a sender's partitioner is wrong.
pub fn letters(counts: &LetterCounts) -> Vec<Check> {
    let total: u64 = counts.values().sum();
    if total == 0 {
        return vec![Check::ok("dead letters", "none")];
    }
    let kinds: Vec<String> =
        counts.iter().map(|((processor, code), count)| format!("{processor} {} {code}", number(*count))).collect();
    let what = format!("{}: {}", several(total as usize, "dead letter"), kinds.join(", "));
    let next = "`orderflow dlq list` names each, docs/rejects says what each code means";
    let all = Check::warn("dead letters", what, next);
    let astray: u64 =
        counts.iter().filter(|((_, code), _)| code == Code::WrongPartition.as_str()).map(|(_, n)| n).sum();
    let partitioner = (astray > 0).then(|| {
        let what = format!("{} in a partition that its key does not belong to", several(astray as usize, "record"));
        let next = format!("{}; docs/rejects/{}.md", Code::WrongPartition.hint(), Code::WrongPartition);
        Check::warn("partitioner", what, next)
    });
    std::iter::once(all).chain(partitioner).collect()
}
