//! Transactions that nobody ends: what was written after their begin stays unread.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use engine::shell::kafka::{At, Ends, KafkaSettings, Survey};

use super::Check;
use crate::text::several;
use crate::topics::failed;

/// Two looks at a partition that is being written.
const PAUSE: Duration = Duration::from_millis(250);

/// Looks until every open transaction has made way, or has been open for as long as `patience`.
pub fn open(settings: &KafkaSettings, patience: Duration) -> Check {
    let check = "transactions";
    let looked = Survey::open(settings).and_then(|survey| {
        let topics = contract::TOPICS.iter();
        let all = topics.flat_map(|topic| (0..topic.partitions).map(|at| (topic.name.to_owned(), at)));
        let first = survey.ends(&all.collect::<Vec<At>>())?;
        let mut stuck = held(first);
        let since = Instant::now();
        while !stuck.is_empty() && since.elapsed() < patience {
            std::thread::sleep(PAUSE.min(patience));
            let now = survey.ends(&stuck.keys().cloned().collect::<Vec<_>>())?;
            stuck = still(stuck, &now);
        }
        Ok(stuck)
    });
    match looked {
        Err(error) => Check::unknown(check, &failed(error)),
        Ok(stuck) if stuck.is_empty() => Check::ok(check, "no transaction stays open: all that is written can be read"),
        Ok(stuck) => hanging(&stuck, &settings.bootstrap, patience),
    }
}

/// Partitions that end with an open transaction.
fn held(ends: BTreeMap<At, Ends>) -> BTreeMap<At, Ends> {
    ends.into_iter().filter(|(_, ends)| ends.last_stable_offset < ends.high_watermark).collect()
}

/// Those whose last stable offset has not moved since the first look.
pub fn still(before: BTreeMap<At, Ends>, now: &BTreeMap<At, Ends>) -> BTreeMap<At, Ends> {
    let same = |at: &At, ends: &Ends| {
        now.get(at).is_some_and(|now| {
            now.last_stable_offset == ends.last_stable_offset && now.last_stable_offset < now.high_watermark
        })
    };
    before.into_iter().filter(|(at, ends)| same(at, ends)).collect()
}

pub fn hanging(stuck: &BTreeMap<At, Ends>, bootstrap: &str, patience: Duration) -> Check {
    let places: Vec<String> = stuck
        .iter()
        .take(3)
        .map(|((topic, partition), ends)| format!("{topic}/{partition} from offset {} on", ends.last_stable_offset))
        .collect();
    let more = if stuck.len() > 3 { ", …" } else { "" };
    let what = format!(
        "a transaction is open for {} s and holds back {}: {}{more}",
        patience.as_secs(),
        several(stuck.len(), "partition"),
        places.join(", ")
    );
    let ((topic, partition), ends) = match stuck.first_key_value() {
        Some(first) => first,
        None => return Check::ok("transactions", "no transaction stays open"),
    };
    let next = format!(
        "`kafka-transactions.sh --bootstrap-server {bootstrap} describe-producers --topic {topic} --partition {partition}` \
         tells whose it is; when its producer is gone, `kafka-transactions.sh --bootstrap-server {bootstrap} abort --topic \
         {topic} --partition {partition} --start-offset {}` ends it",
        ends.last_stable_offset
    );
    Check::fail("transactions", what, next)
}
