//! Reviews against what is not a checkout: releases, and what a registry has.

use crate::review::{Base, Review, history, review, text};
use crate::tests::edited;
use crate::tests::review::{contract, shop};

const FACT: &str = "schemas/signed_up.avsc";
const RELEASED: &str = "schemas/released/SignedUp/1.0.0.avsc";
const MAIL: &str = "{\"name\": \"customer_mail\", \"type\": \"string\"}";

/// What a registry would have in the place of the release; an edit of its text.
fn registry(edits: &[(&str, &str)]) -> Base {
    let files = shop();
    let (_, text) = files.iter().find(|(path, _)| path == RELEASED).expect("it is released");
    let text = edits.iter().fold(text.clone(), |text, (from, to)| {
        assert!(text.contains(from), "{text} has no {from}");
        text.replacen(from, to, 1)
    });
    Base::Elsewhere("a registry".to_owned(), vec![("SignedUp".to_owned(), "subject customers.v1".to_owned(), text)])
}

fn against(base: &Base, files: &crate::tests::Files) -> Review {
    review(base, &contract(files)).unwrap_or_else(|error| panic!("{error}"))
}

fn only(rule: &str, review: &Review) {
    assert!(review.findings.iter().any(|finding| finding.rule == rule), "{rule}: {}", text(review, false));
}

#[test]
fn the_newest_release_is_what_counts() {
    let changed = edited(shop(), FACT, "\"default\": 0", "\"default\": 1");
    insta::assert_snapshot!(text(&against(&Base::Released, &changed), false));
    assert_eq!(text(&against(&Base::Released, &shop()), false), "nothing changed against the released schemas\n");
}

#[test]
fn a_release_that_was_edited_is_told_even_with_a_higher_version() {
    let newer = edited(shop(), FACT, "\"version\": \"1.0.0\"", "\"version\": \"1.1.0\"");
    let released = crate::tests::released::with_releases(newer);
    let again = edited(released, FACT, "\"default\": 0", "\"default\": 1");
    let base = Base::Contract("main".to_owned(), contract(&shop()));
    only("released-changed", &against(&base, &again));
}

#[test]
fn a_scale_is_no_matter_to_java_and_a_break_for_us() {
    let decimal = |scale: u32| {
        format!("{{\"type\": \"bytes\", \"logicalType\": \"decimal\", \"precision\": 9, \"scale\": {scale}}}")
    };
    let from = "{\"name\": \"customer_mail\", \"type\": \"string\"}";
    let old = format!("{{\"name\": \"customer_mail\", \"type\": {}}}", decimal(2));
    let now = edited(shop(), FACT, MAIL, &format!("{{\"name\": \"customer_mail\", \"type\": {}}}", decimal(3)));
    insta::assert_snapshot!(text(&against(&registry(&[(from, &old)]), &now), false));
}

#[test]
fn an_enum_that_had_no_default_reads_no_new_symbol() {
    let now = edited(shop(), FACT, "\"GOLD\"]", "\"GOLD\", \"PLATINUM\"]");
    let base = registry(&[(
        "\"symbols\": [\"OTHER\", \"BASIC\", \"GOLD\"], \"default\": \"OTHER\"",
        "\"symbols\": [\"OTHER\", \"BASIC\", \"GOLD\"]",
    )]);
    insta::assert_snapshot!(text(&against(&base, &now), false));
}

#[test]
fn a_base_that_is_no_json_cannot_be_compared() {
    let broken = edited(shop(), FACT, "\"fields\": [", "\"fields\": [[");
    let error = review(&Base::Contract("main".to_owned(), contract(&broken)), &contract(&shop()));
    assert!(error.is_err_and(|error| error.what == "main" && error.why.contains(FACT)));
}

#[test]
fn a_history_tells_each_step() {
    let newer = edited(shop(), FACT, "\"version\": \"1.0.0\"", "\"version\": \"1.1.0\"");
    let newer = edited(newer, FACT, "\"default\": 0", "\"default\": 1");
    let files = crate::tests::released::with_releases(newer);
    let steps = history(&contract(&files).files, "SignedUp").expect("it can be read");
    let said: Vec<(String, Vec<String>)> = steps
        .into_iter()
        .map(|step| (step.version, step.changes.into_iter().map(|it| format!("{} {}", it.path, it.what)).collect()))
        .collect();
    let expected =
        [("1.0.0".to_owned(), vec![]), ("1.1.0".to_owned(), vec!["credit_minor default 0 is now 1".to_owned()])];
    assert_eq!(said, expected);
    assert_eq!(history(&[], "Nobody").map(|steps| steps.len()), Ok(0));
}
