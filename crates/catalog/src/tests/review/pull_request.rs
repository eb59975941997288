//! The pull request that a reviewer has to see through: four changes, one of which Java's registry would accept.

use crate::review::{github, json, junit, markdown, text};
use crate::tests::review::{compared, shop};
use crate::tests::{Files, edited};

/// A field without default, a field renamed by alias, a symbol removed, a unit changed.
fn pull_request() -> Files {
    let path = "schemas/signed_up.avsc";
    let files =
        edited(shop(), path, "\"name\": \"customer_mail\"", "\"name\": \"mail\", \"aliases\": [\"customer_mail\"]");
    let files = edited(files, path, "timestamp-millis", "timestamp-micros");
    let files = edited(files, path, ", \"GOLD\"]", "]");
    edited(
        files,
        path,
        "    {\"name\": \"home\"",
        "    {\"name\": \"referrer\", \"type\": \"string\"},\n    {\"name\": \"home\"",
    )
}

#[test]
fn a_pull_request_as_text() {
    insta::assert_snapshot!(text(&compared(&shop(), &pull_request()), false));
}

#[test]
fn a_pull_request_as_markdown() {
    insta::assert_snapshot!(markdown(&compared(&shop(), &pull_request())));
}

#[test]
fn a_pull_request_as_json() {
    insta::assert_snapshot!(json(&compared(&shop(), &pull_request())));
}

#[test]
fn a_pull_request_as_annotations() {
    insta::assert_snapshot!(github(&compared(&shop(), &pull_request())));
}

#[test]
fn a_pull_request_as_junit() {
    insta::assert_snapshot!(junit(&compared(&shop(), &pull_request())));
}

#[test]
fn nothing_changed() {
    let review = compared(&shop(), &shop());
    assert_eq!((review.records.len(), review.findings.len()), (0, 0), "{review:#?}");
    assert_eq!(text(&review, true), "nothing changed against main\n");
}
