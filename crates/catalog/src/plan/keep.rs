//! How long a topic keeps its records, and what a change of that would lose.

use crate::plan::{Live, sorted};
use crate::{TopicKind, TopicSpec};

/// Records that would be gone.
pub struct Loss {
    /// The properties that together bring it about.
    pub properties: &'static [&'static str],
    pub why: String,
}

/// What a broker may delete after the change and keeps before it; nothing when it is no more than now.
pub fn loss(spec: &TopicSpec, live: &Live) -> Option<Loss> {
    let now = |name: &str| live.config.get(name).map_or("", |setting| setting.value.as_str());
    let then = |name: &str| spec.config.get(name).map_or_else(|| now(name), String::as_str);
    let policies = (now("cleanup.policy"), then("cleanup.policy"));
    let kept = |name: &str| (limit(policies.0, now(name)), limit(policies.1, then(name)));
    let (before_ms, after_ms) = kept("retention.ms");
    if after_ms < before_ms {
        let (before, after) = (length(before_ms), length(after_ms));
        let why =
            format!("records are kept {before} now and would be kept {after}: the broker deletes the others for good");
        return Some(Loss { properties: &["cleanup.policy", "retention.ms"], why });
    }
    let (before_bytes, after_bytes) = kept("retention.bytes");
    if after_bytes < before_bytes {
        let why = format!("each partition would keep {after_bytes} bytes: the broker deletes what is older for good");
        return Some(Loss { properties: &["cleanup.policy", "retention.bytes"], why });
    }
    let compacts = |policy: &str| sorted(policy).contains(&"compact");
    if matches!(spec.kind, TopicKind::Declared(_)) && compacts(policies.1) && !compacts(policies.0) {
        let why = "compaction keeps the last record of each key and deletes its history for good".to_owned();
        return Some(Loss { properties: &["cleanup.policy"], why });
    }
    None
}

/// A limit as a number; one that is not set, or that the policy does not apply, is the largest.
fn limit(policy: &str, value: &str) -> i64 {
    let number: i64 = value.parse().unwrap_or(-1);
    if number < 0 || !sorted(policy).contains(&"delete") { i64::MAX } else { number }
}

/// The reason for a change that loses nothing, or that was allowed.
pub fn reason(spec: &TopicSpec, property: &str, from: &str, to: &str) -> String {
    let number = |value: &str| value.parse::<i64>().map_or(i64::MAX, |it| if it < 0 { i64::MAX } else { it });
    let reason = match property {
        "cleanup.policy" if spec.kind == TopicKind::Changelog => {
            "a changelog that deletes by age forgets state that has not changed for a while: a store rebuilt from it lacks it"
        }
        "cleanup.policy" => "topics.yaml decides what the broker keeps",
        "retention.ms" | "retention.bytes" if number(to) > number(from) => {
            "readers and replays count on records being there as long as topics.yaml says"
        }
        "retention.ms" | "retention.bytes" => "shrinking it was allowed: the broker deletes what is older for good",
        "message.timestamp.type" => {
            "windows, timers and replays go by the time that the sender gave, not by when the broker wrote the record"
        }
        "message.timestamp.before.max.ms" | "message.timestamp.after.max.ms" => {
            "a broker that refuses the time of a record of ours stops the processor that sends it, after a reset at the latest"
        }
        "delete.retention.ms" => "a store that is rebuilt must still see what was deleted",
        "max.message.bytes" if number(to) > number(from) => "batches of records within limits.record_bytes must fit",
        _ => "topics.yaml says so",
    };
    reason.to_owned()
}

/// `retention.ms=604800000 (7 d)`
pub fn said(property: &str, value: &str) -> String {
    format!("{property}={}", self::value(property, value))
}

/// `604800000 (7 d)`
pub fn value(property: &str, value: &str) -> String {
    match value.parse::<i64>() {
        Ok(ms) if property.ends_with(".ms") => format!("{value} ({})", length(if ms < 0 { i64::MAX } else { ms })),
        _ if value.is_empty() => "nothing".to_owned(),
        _ => value.to_owned(),
    }
}

/// A length of time in its largest whole unit.
fn length(ms: i64) -> String {
    if ms == i64::MAX {
        return "for ever".to_owned();
    }
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s")];
    let whole = units.iter().find(|(unit_ms, _)| ms != 0 && ms % unit_ms == 0);
    whole.map_or_else(|| format!("{ms} ms"), |(unit_ms, name)| format!("{} {name}", ms / unit_ms))
}
