//! Releases against what they were: they only grow, and so do the ids of the lock.

use serde_json::Value;

use crate::released::LOCK_FILE;
use crate::review::Contract;
use crate::review::fix::words;
use crate::review::model::{Finding, Level};
use crate::review::side::Side;

/// What was released and is not there any more as it was. A fingerprint does not see all of it: defaults and logical
/// types are not in it.
pub fn releases(before: &Side, then: &Contract, now: &Contract) -> Vec<Finding> {
    let mut out = Vec::new();
    for (_, path, text) in &before.released {
        let found = now.files.iter().find(|(other, _)| other == path).map(|(_, text)| text);
        if found == Some(text) {
            continue;
        }
        let what = if found.is_some() { "is edited" } else { "is removed" };
        out.push(finding(
            "release-changed",
            path,
            format!("released schema {path} {what}"),
            "records of that version are read by it for as long as anybody keeps one",
        ));
    }
    let (old, new) = (lock(&then.files), lock(&now.files));
    if !new.starts_with(&old) {
        let what = "ids that were given are given otherwise, or gone".to_owned();
        out.push(finding(
            "lock-changed",
            LOCK_FILE,
            what,
            "the ids stand in records and in state that are there already",
        ));
    }
    out
}

/// The entries of the lock file, none where there is no such file.
fn lock(files: &[(String, String)]) -> Vec<Value> {
    let text = files.iter().find(|(path, _)| path == LOCK_FILE).map_or("[]", |(_, text)| text);
    serde_json::from_str(text).unwrap_or_default()
}

fn finding(rule: &'static str, file: &str, what: String, why: &str) -> Finding {
    Finding {
        rule,
        level: Level::Error,
        file: file.to_owned(),
        line: 1,
        before: false,
        records: Vec::new(),
        field: String::new(),
        what,
        why: why.to_owned(),
        breaks: Vec::new(),
        versions: Vec::new(),
        java: None,
        fix: words("restore it from git; what is new is released under a version of its own".to_owned()),
    }
}
