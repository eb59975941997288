//! Subjects, versions, levels and modes.

use serde_json::json;

use super::stub::{Answer, Stub};
use super::{open, said};
use crate::shell::registry::{Options, Registry, RegistryError};

fn first_line(request: &str) -> &str {
    request.lines().next().unwrap_or_default()
}

#[test]
fn versions_come_oldest_first_and_an_unknown_subject_has_none() {
    let stub = Stub::start(|request| match first_line(request) {
        line if line.contains("/subjects/t-a.R/versions/1 ") => {
            Answer::Json(200, json!({ "version": 1, "id": 7, "schema": "one", "subject": "t-a.R" }).to_string())
        }
        line if line.contains("/subjects/t-a.R/versions/2 ") => {
            Answer::Json(200, json!({ "version": 2, "id": 9, "schema": "two" }).to_string())
        }
        line if line.contains("/subjects/t-a.R/versions ") => Answer::Json(200, "[2,1]".to_owned()),
        line if line.contains("/subjects ") => Answer::Json(200, r#"["t-a.R"]"#.to_owned()),
        _ => said(404, 40401, "Subject not found"),
    });
    let registry = open(&stub);
    assert_eq!(registry.subjects(), Ok(vec!["t-a.R".to_owned()]));
    let found = registry.versions("t-a.R").unwrap();
    let seen: Vec<(u32, u32, &str)> = found.iter().map(|one| (one.version, one.id, one.text.as_str())).collect();
    assert_eq!(seen, [(1, 7, "one"), (2, 9, "two")]);
    assert_eq!(registry.versions("t-a.Other"), Ok(Vec::new()));
}

#[test]
fn a_level_is_read_and_set() {
    let stub = Stub::start(|request| match first_line(request) {
        line if line.starts_with("PUT /config/t-a.R ") => Answer::Json(200, r#"{"compatibility":"FULL"}"#.to_owned()),
        line if line.starts_with("GET /config/t-a.R ") => {
            Answer::Json(200, r#"{"compatibilityLevel":"FULL"}"#.to_owned())
        }
        _ => said(404, 40408, "Subject does not have subject-level compatibility configured"),
    });
    let registry = open(&stub);
    assert_eq!(registry.set_level("t-a.R", "FULL"), Ok(()));
    assert!(stub.requests()[0].contains(r#"{"compatibility":"FULL"}"#), "{:?}", stub.requests());
    assert_eq!(registry.level("t-a.R"), Ok(Some("FULL".to_owned())));
    assert_eq!(registry.level("t-a.Other"), Ok(None));
}

#[test]
fn a_mode_says_whether_it_takes_writes() {
    let mode = |status: u16, answer: &'static str| {
        let stub = Stub::start(move |_| Answer::Json(status, answer.to_owned()));
        open(&stub).read_only()
    };
    assert_eq!(mode(200, r#"{"mode":"READWRITE"}"#), Ok(None));
    assert_eq!(mode(200, r#"{"mode":"READONLY"}"#), Ok(Some("READONLY".to_owned())));
    assert_eq!(mode(200, r#"{"mode":"READONLY_OVERRIDE"}"#), Ok(Some("READONLY_OVERRIDE".to_owned())));
    assert_eq!(mode(404, "no such page"), Ok(None), "a registry without modes");
    assert!(matches!(mode(500, "{}"), Err(RegistryError::Unreachable { .. })));
}

#[test]
fn no_answer_is_never_taken_for_an_empty_registry() {
    let strange: [fn() -> Answer; 4] = [
        || Answer::Json(404, "<html>".to_owned()),
        || Answer::Json(200, "<html>".to_owned()),
        || Answer::Json(200, r#"{"subjects":[]}"#.to_owned()),
        || Answer::Raw("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n["),
    ];
    for answer in strange {
        let stub = Stub::start(move |_| answer());
        let registry = open(&stub);
        assert!(matches!(registry.subjects(), Err(RegistryError::Unreachable { .. })), "{:?}", registry.subjects());
        assert!(
            matches!(registry.versions("s"), Err(RegistryError::Unreachable { .. })),
            "{:?}",
            registry.versions("s")
        );
        assert!(registry.level("s").is_err());
    }
    let stub = Stub::start(|_| Answer::Hang);
    let options = Options { timeout: std::time::Duration::from_millis(200), ..Options::default() };
    let slow = Registry::open(&stub.url, options).unwrap().subjects();
    assert!(
        matches!(&slow, Err(RegistryError::Unreachable { reason, .. }) if reason.contains("no answer")),
        "{slow:?}"
    );
}
