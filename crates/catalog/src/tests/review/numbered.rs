//! What is stored by a number, or once and for ever: it may only grow.

use crate::review::{Base, Level, Review, review};
use crate::tests::released::with_releases;
use crate::tests::review::{compared, contract};
use crate::tests::{Files, base, edited};
use crate::{LOCK_FILE, RELEASED_DIR};

const TABLES: &str = "tables: { parts: state/part.avsc }";

/// What is wrong with a change of the base.
fn errors(before: &Files, after: &Files) -> Vec<&'static str> {
    let found: Review = compared(before, after);
    found.findings.iter().filter(|it| it.level == Level::Error).map(|it| it.rule).collect()
}

fn with(from: &str, to: &str) -> Files {
    with_releases(edited(base(), "topics.yaml", from, to))
}

#[test]
fn tables_keep_their_numbers() {
    let two = with(TABLES, "tables: { parts: state/part.avsc, more: state/part.avsc }");
    let swapped = with(TABLES, "tables: { more: state/part.avsc, parts: state/part.avsc }");
    let between = with(TABLES, "tables: { parts: state/part.avsc, new: state/part.avsc, more: state/part.avsc }");
    let behind = with(TABLES, "tables: { parts: state/part.avsc, more: state/part.avsc, new: state/part.avsc }");
    assert_eq!(errors(&two, &swapped), ["state-changed"]);
    assert_eq!(errors(&two, &between), ["state-changed"]);
    assert_eq!(errors(&two, &behind), [""; 0]);
    assert_eq!(errors(&two, &with(TABLES, "tables: { more: state/part.avsc }")), ["state-changed"]);
}

#[test]
fn wakes_keep_their_numbers() {
    let wakes = "wakes: [late, very_late]";
    let before = with_releases(base());
    assert_eq!(errors(&before, &with(wakes, "wakes: [very_late, late]")), ["wakes-changed"]);
    assert_eq!(errors(&before, &with(wakes, "wakes: [late]")), ["wakes-changed"]);
    assert_eq!(errors(&before, &with(wakes, "wakes: [late, very_late, never]")), [""; 0]);
}

#[test]
fn a_limit_that_shrinks_makes_dead_letters() {
    let before = with_releases(base());
    assert_eq!(errors(&before, &with("record_bytes: 1000", "record_bytes: 10")), ["limit-shrunk"]);
    assert_eq!(errors(&before, &with("record_bytes: 1000", "record_bytes: 9000")), [""; 0]);
}

#[test]
fn every_change_of_the_map_is_told() {
    let before = with_releases(base());
    for (from, to, rule) in [
        ("      duplicates: answer\n", "", "dedup-changed"),
        ("    replies: [Answer]\n", "", "reply-removed"),
        ("    about: What is known.\n", "    about: What is known.\n    readers: [archive]\n", "readers-changed"),
    ] {
        let found = compared(&before, &edited(before.clone(), "topics.yaml", from, to));
        assert!(found.findings.iter().any(|it| it.rule == rule), "{rule}: {:#?}", found.findings);
    }
}

#[test]
fn what_is_released_stays_as_it_was() {
    let before = with_releases(base());
    let path = format!("{RELEASED_DIR}Ask/1.0.0.avsc");
    let change = |path: &str, change: &dyn Fn(&str) -> Option<String>| -> Files {
        let edit = |(other, text): &(String, String)| match other == path {
            true => change(text).map(|text| (other.clone(), text)),
            false => Some((other.clone(), text.clone())),
        };
        before.iter().filter_map(edit).collect()
    };
    let edited = change(&path, &|text| Some(text.replace("\"version\"", " \"version\"")));
    assert!(errors(&before, &edited).contains(&"release-changed"));
    assert!(errors(&before, &change(&path, &|_| None)).contains(&"release-changed"));
    let swapped = change(LOCK_FILE, &|text| {
        let mut lines: Vec<&str> = text.lines().collect();
        lines.swap(1, 2);
        Some(lines.join("\n").replacen("\"id\": 2", "\"id\": 0", 1))
    });
    assert!(errors(&before, &swapped).contains(&"lock-changed"));
    let gone = change(LOCK_FILE, &|_| None);
    assert!(errors(&before, &gone).contains(&"lock-changed"));
}

#[test]
fn nothing_released_is_no_base_for_a_verdict() {
    let none: Files = with_releases(base()).into_iter().filter(|(path, _)| !path.starts_with(RELEASED_DIR)).collect();
    let error = review(&Base::Released, &contract(&none)).expect_err("there is nothing to compare with");
    assert!(error.why.contains("nothing is released"), "{error}");
}
