//! Topics to create.

use std::collections::BTreeMap;

use crate::tests::{base, parsed};
use crate::{TopicKind, TopicSpec};

fn spec(name: &str) -> TopicSpec {
    let specs = parsed(base()).topics();
    specs.into_iter().find(|spec| spec.name == name).unwrap_or_else(|| panic!("no topic {name}"))
}

fn config<'s>(spec: &'s TopicSpec, key: &str) -> &'s str {
    spec.config.get(key).map_or("", String::as_str)
}

#[test]
fn declared_topics_come_first_and_every_processor_has_three_of_its_own() {
    let names: Vec<String> = parsed(base()).topics().into_iter().map(|spec| spec.name).collect();
    let expected = "asks.v1 things.v1 answers.v1 keeper-changelog keeper-order keeper-dlq \
                    reader-changelog reader-order reader-dlq";
    assert_eq!(names.join(" "), expected);
}

#[test]
fn a_compacted_topic_is_compacted_and_has_its_own_numbers() {
    let things = spec("things.v1");
    assert_eq!((things.partitions, config(&things, "cleanup.policy")), (4, "compact"));
    assert_eq!(config(&things, "retention.ms"), (90 * 86_400_000_i64).to_string());
    let answers = spec("answers.v1");
    assert_eq!((answers.partitions, config(&answers, "cleanup.policy")), (2, "delete"));
    assert_eq!(config(&answers, "retention.ms"), (30 * 86_400_000_i64).to_string());
}

#[test]
fn internal_topics_keep_what_the_engine_needs() {
    let changelog = spec("keeper-changelog");
    let expected = [
        ("cleanup.policy", "compact"),
        ("compression.type", "producer"),
        ("delete.retention.ms", "86400000"),
        ("max.message.bytes", "1048588"),
        ("message.timestamp.after.max.ms", "9223372036854775807"),
        ("message.timestamp.before.max.ms", "9223372036854775807"),
        ("message.timestamp.type", "CreateTime"),
        ("retention.bytes", "-1"),
        ("retention.ms", "-1"),
    ];
    let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!((changelog.kind, changelog.config), (TopicKind::Changelog, BTreeMap::from(expected)));
    assert_eq!(config(&spec("reader-order"), "retention.ms"), (90 * 86_400_000_i64).to_string());
    assert_eq!(config(&spec("reader-dlq"), "retention.ms"), (30 * 86_400_000_i64).to_string());
}
