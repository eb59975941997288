//! Every rule has an example that breaks it.

use std::collections::BTreeSet;

use crate::report::{Report, report};
use crate::tests::{base, edited, judged, parse};
use crate::{Problem, Rule, TopicKind};

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
    (Rule::KeyMissing, YAML, "    key: thing_id\n", ""),
    (Rule::CompactedKey, YAML, "    key: thing_id\n    owner: keeper", "    owner: keeper"),
    (Rule::RetentionShort, YAML, "retention: 30d", "retention: 6d"),
    (Rule::RetentionShort, YAML, "window: 7d", "window: 31d"),
    (Rule::WriterMissing, YAML, "owner: outside", "owner: keeper"),
    (Rule::WriterMissing, YAML, "records: [Answer]", "records: [Answer, Shapes]"),
    (Rule::ReaderMissing, YAML, "in: [things.v1]", "in: [asks.v1]"),
    (Rule::ProcessorUnknown, YAML, "owner: outside", "owner: reeder"),
    (Rule::ProcessorUnknown, YAML, "owner: outside", "owner: outside\n    readers: [keeper2]"),
    (Rule::RoleInvalid, YAML, "owner: outside", "owner: outside\n    readers: [reader]"),
    (Rule::ValueInvalid, YAML, "window: 7d", "window: 7w"),
    (Rule::ValueInvalid, YAML, "retention: 90d", "retention: 0d"),
    (Rule::ValueInvalid, YAML, "partitions: 2", "partitions: 0"),
    (Rule::ValueInvalid, YAML, "record_bytes: 1000", "record_bytes: 0"),
];

fn check(rule: Rule, path: &str, from: &str, to: &str) -> Vec<Problem> {
    let problems = judged(edited(base(), path, from, to)).1;
    let found: BTreeSet<&str> = problems.iter().map(|problem| problem.rule.code()).collect();
    assert!(found.contains(rule.code()), "{path}: {from} -> {to}: {rule} is not among {problems:#?}");
    assert!(problems.iter().all(|problem| problem.line > 0 && problem.column > 0), "{problems:#?}");
    problems
}

#[test]
fn every_breach_is_found_at_its_place() {
    let mut found = String::new();
    for (rule, path, from, to) in BREACHES {
        found.push_str(&format!("{} -> {}\n", from.replace('\n', " "), to.replace('\n', " ")));
        for it in check(*rule, path, from, to) {
            found.push_str(&format!("  {}:{}:{} {}: {}\n", it.file, it.line, it.column, it.rule, it.what));
        }
    }
    insta::assert_snapshot!(found);
}

#[test]
fn the_correct_contract_has_no_finding() {
    assert_eq!(judged(base()).1, []);
}

#[test]
fn a_warning_does_not_stop_anybody() {
    let files = edited(base(), YAML, "in: [things.v1]", "in: [asks.v1]");
    let (catalog, problems) = judged(files.clone());
    assert!(catalog.is_some() && parse(files).is_ok(), "{problems:#?}");
    assert_eq!(
        problems.iter().map(|it| (it.rule, it.line, it.column)).collect::<Vec<_>>(),
        [(Rule::ReaderMissing, 14, 3)]
    );
}

#[test]
fn what_every_changelog_keeps_is_the_last_of_each_key() {
    let specs = parse(base()).expect("it is correct").topics();
    let changelogs: Vec<_> = specs.iter().filter(|spec| spec.kind == TopicKind::Changelog).collect();
    assert_eq!(changelogs.len(), 2);
    assert!(changelogs.iter().all(|spec| spec.config["cleanup.policy"].contains("compact")), "{changelogs:#?}");
}

#[test]
fn findings_are_printed_for_people_programs_and_pull_requests() {
    let files = edited(base(), YAML, "in: [things.v1]", "in: [asks.v2]");
    let problems = judged(files).1;
    for (name, how) in [("text", Report::Text), ("json", Report::Json), ("github", Report::Github)] {
        insta::assert_snapshot!(format!("report_{name}"), report(&problems, how));
        insta::assert_snapshot!(format!("report_{name}_of_nothing"), report(&[], how));
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
            "topics.yaml:45:10: error[topic-unknown]: processor \"reader\": in \"things.v2\"; did you mean \
             \"things.v1\"?\n  \
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
