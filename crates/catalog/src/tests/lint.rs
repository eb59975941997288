//! Every rule has an example that breaks it.

use std::collections::BTreeSet;

use crate::tests::{base, edited, parse};
use crate::{Problem, Rule};

const YAML: &str = "topics.yaml";
const ASK: &str = "schemas/ask.avsc";
const SHAPES: &str = "schemas/shapes.avsc";
const PART: &str = "schemas/state/part.avsc";

/// A rule, and an edit of the correct contract that breaks it.
const BREACHES: &[(Rule, &str, &str, &str)] = &[
    (Rule::MapInvalid, YAML, "compacted: true", "compacted: true\n    colour: blue"),
    (Rule::MapInvalid, YAML, "version: 1", "version: 2"),
    (Rule::MapInvalid, YAML, "kind: command", "kind: order"),
    (Rule::MapInvalid, YAML, "  reader:\n", "  keeper:\n"),
    (Rule::SchemaInvalid, ASK, "\"fields\": [", "\"fields\": "),
    (Rule::SchemaInvalid, ASK, "\"type\": \"record\"", "\"type\": \"map\""),
    (Rule::SchemaInvalid, ASK, "\"name\": \"who\"", "\"name\": \"thing_id\""),
    (Rule::SchemaInvalid, ASK, "\"name\": \"again\"", "\"name\": \"type\""),
    (Rule::SchemaInvalid, PART, "\"WILD\"", "\"Wild\""),
    (Rule::TypeUnsupported, ASK, "\"orderflow.Uuid\"", "[\"null\", \"orderflow.Uuid\"]"),
    (Rule::TypeUnsupported, ASK, "\"orderflow.Uuid\"", "[\"null\", \"string\", \"long\"]"),
    (Rule::TypeUnsupported, ASK, "\"orderflow.Uuid\"", "{\"type\": \"map\", \"values\": \"long\"}"),
    (Rule::TypeUnsupported, ASK, "\"orderflow.Uuid\"", "\"orderflow.Thing\""),
    (Rule::TypeUnsupported, SHAPES, "\"orderflow.Inner\"", "\"orderflow.Shapes\""),
    (
        Rule::TypeUnsupported,
        SHAPES,
        "\"type\": \"float\"",
        "\"type\": {\"type\": \"string\", \"logicalType\": \"uuid\"}",
    ),
    (Rule::ReferenceUnknown, ASK, "orderflow.Shapes", "orderflow.Shape"),
    (Rule::NameTaken, PART, "\"name\": \"Part\"", "\"name\": \"Kept\""),
    (Rule::NameTaken, PART, "\"name\": \"Mood\"", "\"name\": \"Option\""),
    (Rule::NameTaken, SHAPES, "\"label\"", "\"note\""),
    (Rule::NameTaken, PART, "\"name\": \"Mood\"", "\"name\": \"Kept\", \"namespace\": \"other\""),
    (Rule::VersionMissing, ASK, "\"version\": \"1.0.0\"", "\"version\": \"1.0\""),
    (Rule::EnumDefault, PART, ", \"default\": \"CALM\"", ""),
    (Rule::DefaultInvalid, SHAPES, "\"default\": 7", "\"default\": \"7\""),
    (Rule::DefaultInvalid, SHAPES, "\"default\": \"RED\"", "\"default\": \"GREEN\""),
    (Rule::DefaultInvalid, SHAPES, "[\"null\", \"string\"]", "[\"string\", \"null\"]"),
    (Rule::MetaFirst, ASK, "\"name\": \"meta\"", "\"name\": \"head\""),
    (Rule::MetaFirst, ASK, "{\"name\": \"meta\"", "{\"name\": \"zero\", \"type\": \"long\"}, {\"name\": \"meta\""),
    (Rule::MetaFirst, ASK, "orderflow.Meta", "orderflow.Uuid"),
    (Rule::MetaFields, "schemas/meta.avsc", "\"name\": \"cause\"", "\"name\": \"because\""),
    (Rule::SchemaUnused, YAML, "tables: { parts: state/part.avsc }", "tables: {}"),
    (Rule::SchemaUnused, ASK, "\"orderflow.Shapes\"", "\"long\""),
    (Rule::StateShared, PART, "\"type\": {", "\"type\": \"orderflow.Color\"}, {\"name\": \"other\", \"type\": {"),
    (Rule::RecordUnknown, YAML, "records: [Ask]", "records: [Ask, Beg]"),
    (Rule::RecordUnknown, YAML, "records: [Answer]", "records: []"),
    (Rule::RecordTwice, YAML, "records: [Answer]", "records: [Answer, Ask]"),
    (Rule::RecordTwice, YAML, "records: [Answer]", "records: [Answer, Answer]"),
    (Rule::KeyMissing, YAML, "key: thing_id", "key: thing"),
    (Rule::TopicUnknown, YAML, "in: [things.v1]", "in: [things.v2]"),
    (Rule::TopicName, YAML, "asks.v1:\n    kind", "asks:\n    kind"),
    (Rule::NameInvalid, YAML, "  keeper:\n", "  Keeper:\n"),
    (Rule::NameInvalid, YAML, "  reader:\n", "  things-v1:\n"),
    (Rule::NameInvalid, YAML, "wakes: [late, very_late]", "wakes: [late, late]"),
    (Rule::NameInvalid, YAML, "{ parts: state", "{ get: state"),
    (Rule::PartitionsDiffer, YAML, "in: [things.v1]", "in: [things.v1, answers.v1]"),
    (Rule::WriterCount, YAML, "owner: keeper", "owner: reader"),
    (Rule::WriterCount, YAML, "in: [things.v1]", "in: [things.v1]\n    out: [things.v1]"),
    (Rule::WriterCount, YAML, "out: [things.v1]", "out: []"),
    (Rule::RoleInvalid, YAML, "out: [things.v1]", "out: [things.v1, answers.v1]"),
    (Rule::RoleInvalid, YAML, "in: [things.v1]", "in: []"),
    (Rule::RoleInvalid, YAML, "in: [things.v1]", "in: [things.v1, things.v1]"),
    (Rule::ReplyUnlisted, YAML, "replies: [Answer]", "replies: [Answer, Thing]"),
    (Rule::StateUnknown, YAML, "record: state/kept.avsc", "record: state/keep.avsc"),
    (Rule::StateUnknown, YAML, "record: state/kept.avsc", "record: shapes.avsc"),
    (Rule::DedupBy, YAML, "by: { asks.v1:", "by: { things.v1:"),
    (Rule::DedupBy, YAML, "[thing_id, who]", "[who]"),
    (Rule::DedupBy, YAML, "[thing_id, who]", "[thing_id, again]"),
    (Rule::ValueInvalid, YAML, "window: 7d", "window: 7w"),
    (Rule::ValueInvalid, YAML, "retention: 90d", "retention: 0d"),
    (Rule::ValueInvalid, YAML, "partitions: 2", "partitions: 0"),
    (Rule::ValueInvalid, YAML, "record_bytes: 1000", "record_bytes: 0"),
];

fn check(rule: Rule, path: &str, from: &str, to: &str) -> Vec<Problem> {
    let problems = parse(edited(base(), path, from, to)).expect_err(to);
    let found: BTreeSet<&str> = problems.iter().map(|problem| problem.rule.code()).collect();
    assert!(found.contains(rule.code()), "{path}: {from} -> {to}: {rule} is not among {problems:#?}");
    problems
}

#[test]
fn every_breach_is_found() {
    for (rule, path, from, to) in BREACHES {
        check(*rule, path, from, to);
    }
}

#[test]
fn every_rule_has_a_breach() {
    // Files that cannot be read are not a matter of content; released schemas have tests of their own.
    let apart = [Rule::FileUnreadable, Rule::ReleasedChanged, Rule::ReleasedBroken];
    for rule in Rule::ALL.iter().filter(|rule| !apart.contains(rule)) {
        assert!(BREACHES.iter().any(|breach| breach.0 == *rule), "{rule}");
    }
}

#[test]
fn a_finding_says_where_what_why_and_what_to_do() {
    let problems = check(Rule::TopicUnknown, YAML, "in: [things.v1]", "in: [things.v2]");
    let text = problems.iter().map(Problem::to_string).find(|text| text.contains("topic-unknown"));
    assert_eq!(
        text.as_deref(),
        Some(
            "topics.yaml:45:10: error[topic-unknown]: processor \"reader\": in \"things.v2\"\n  \
             why: a topic has an owner, a key and records before somebody uses it\n  \
             hint: declare the topic in topics.yaml, or correct the name"
        )
    );
}

#[test]
fn a_field_that_nobody_reads_is_found_at_its_place() {
    let problems = check(Rule::MapInvalid, YAML, "compacted: true", "compacted: true\n    colour: blue");
    assert_eq!((problems[0].line, problems[0].column), (21, 5), "{problems:#?}");
    assert!(problems[0].what.contains("colour"), "{problems:#?}");
}
