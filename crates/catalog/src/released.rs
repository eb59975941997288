//! schemas/released: every version that was ever written, with the ids that stand for it where there is no registry.

use serde_json::Value;

use crate::schema::{Definition, Schemas};
use crate::whole::fingerprint;
use crate::{Problem, Rule};

pub const RELEASED_DIR: &str = "schemas/released/";
pub const LOCK_FILE: &str = "schemas/released/local.lock.json";

/// A released schema. Ids count from 1 and are never given twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    pub id: u32,
    pub record: String,
    pub state: bool,
    /// Full name of the record.
    pub full: String,
    pub version: String,
    pub fingerprint: u64,
    /// Self-contained Avro JSON.
    pub text: String,
}

impl Release {
    /// Where it is, from the root of the checkout.
    pub fn path(&self) -> String {
        format!("{RELEASED_DIR}{}/{}.avsc", self.entry(), self.version)
    }

    /// The record's name in the lock file.
    fn entry(&self) -> String {
        if self.state { format!("state/{}", self.record) } else { self.record.clone() }
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Locked {
    id: u32,
    record: String,
    version: String,
    fingerprint: String,
}

/// The lock file and the released texts, checked against each other.
pub fn read(files: &[(String, String)], problems: &mut Vec<Problem>) -> Vec<Release> {
    let lock = files.iter().find(|(path, _)| path == LOCK_FILE);
    let lock: Vec<Locked> = match lock.map(|(_, text)| serde_json::from_str(text)) {
        None => Vec::new(),
        Some(Ok(lock)) => lock,
        Some(Err(error)) => {
            problems.push(Problem::new(Rule::ReleasedBroken, LOCK_FILE, error.to_string()));
            return Vec::new();
        }
    };
    let mut releases = Vec::new();
    for (at, entry) in lock.into_iter().enumerate() {
        let path = format!("{RELEASED_DIR}{}/{}.avsc", entry.record, entry.version);
        match released(entry, at, &path, files) {
            Ok(release) => releases.push(release),
            Err(what) => problems.push(Problem::new(Rule::ReleasedBroken, path, what)),
        }
    }
    for (path, _) in files.iter().filter(|(path, _)| path.starts_with(RELEASED_DIR) && path.ends_with(".avsc")) {
        if !releases.iter().any(|release| release.path() == *path) && problems.iter().all(|other| other.file != *path) {
            problems.push(Problem::new(Rule::ReleasedBroken, path, "the file is not in local.lock.json"));
        }
    }
    releases
}

fn released(entry: Locked, at: usize, path: &str, files: &[(String, String)]) -> Result<Release, String> {
    if entry.id as usize != at + 1 {
        return Err(format!("entry {} of local.lock.json has id {}", at + 1, entry.id));
    }
    let (_, text) = files.iter().find(|(other, _)| other == path).ok_or("the file is missing")?;
    let found = fingerprint(text)?;
    if entry.fingerprint != format!("{found:016x}") {
        return Err(format!("its fingerprint is {found:016x}, local.lock.json says {}", entry.fingerprint));
    }
    let json: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let name = |key: &str| json.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (state, record) = match entry.record.strip_prefix("state/") {
        Some(record) => (true, record.to_owned()),
        None => (false, entry.record),
    };
    let full = format!("{}.{}", name("namespace"), name("name"));
    Ok(Release { id: entry.id, record, state, full, version: entry.version, fingerprint: found, text: text.clone() })
}

/// The releases with those added that schemas/ has and schemas/released has not.
pub fn extend(mut releases: Vec<Release>, schemas: &Schemas, problems: &mut Vec<Problem>) -> Vec<Release> {
    let tops = schemas.all().filter(|definition| definition.is_wire() || (definition.top && definition.is_state()));
    for definition in tops {
        let text = schemas.whole(definition);
        let known = releases.iter().find(|release| {
            release.record == definition.name
                && release.state == definition.is_state()
                && release.version == definition.version
        });
        if let Some(known) = known {
            if !same(&known.text, &text) {
                problems.push(changed(definition));
            }
            continue;
        }
        match fingerprint(&text) {
            Ok(fingerprint) => releases.push(Release {
                id: releases.len() as u32 + 1,
                record: definition.name.clone(),
                state: definition.is_state(),
                full: definition.full.clone(),
                version: definition.version.clone(),
                fingerprint,
                text,
            }),
            Err(what) => problems.push(Problem::new(Rule::SchemaInvalid, &definition.file, what)),
        }
    }
    releases
}

fn changed(definition: &Definition) -> Problem {
    let what = format!("schema \"{}\" {} is released; bump \"version\"", definition.name, definition.version);
    Problem::new(Rule::ReleasedChanged, &definition.file, what)
}

/// Same content, whatever the order of keys and the white space.
fn same(one: &str, other: &str) -> bool {
    match (serde_json::from_str::<Value>(one), serde_json::from_str::<Value>(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

/// local.lock.json, a line an entry so that it merges and reads well.
pub fn lock(releases: &[Release]) -> String {
    let lines: Vec<String> = releases
        .iter()
        .map(|release| {
            format!(
                "  {{\"id\": {}, \"record\": \"{}\", \"version\": \"{}\", \"fingerprint\": \"{:016x}\"}}",
                release.id,
                release.entry(),
                release.version,
                release.fingerprint
            )
        })
        .collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}
