//! What a change of schemas/ and topics.yaml means: who breaks, why, in which order to deploy, and what to do.
//!
//! Compatibility is decided twice: as Java decides it, which is what a registry goes by, and by reading random data of
//! each version through the same attributes as the generated structs. The second finds what the first lets pass.

mod agree;
pub(crate) mod avro;
pub(crate) mod data;
mod diff;
mod fix;
mod issue;
mod model;
mod output;
mod patch;
pub(crate) mod reader;
mod record;
mod releases;
mod say;
pub(crate) mod side;
mod source;
mod topics;
mod uses;
mod verdict;
mod warnings;

pub use model::{
    Bump, Change, ChangeKind, Fate, Finding, Fix, JavaError, Level, Order, RecordReview, Review, Use, Verdict,
};
pub use output::{github, json, junit, markdown, text};
pub use record::declared;

use crate::review::fix::words;
use crate::review::record::Sides;
use crate::review::side::Side;
use crate::{Catalog, Problem, Rule};

/// A contract as files: topics.yaml, and what is below schemas/ by path.
#[derive(Debug, Clone, Default)]
pub struct Contract {
    pub yaml: String,
    pub files: Vec<(String, String)>,
}

/// What a contract is compared with.
#[derive(Debug, Clone)]
pub enum Base {
    /// Another state of the same files; the name is what people call it.
    Contract(String, Contract),
    /// The newest release of each record.
    Released,
    /// What somebody else has: where it is, and of each record its name, where it comes from, and its schema.
    Elsewhere(String, Vec<(String, String, String)>),
}

/// A review that could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {why}")]
pub struct Unreviewable {
    /// Which side.
    pub what: String,
    pub why: String,
}

/// Compares a contract with what it was.
///
/// # Errors
/// When the old side cannot be read. What is wrong with the new side is a finding.
pub fn review(base: &Base, now: &Contract) -> Result<Review, Unreviewable> {
    let (against, before) = open(base, now)?;
    let after = Side::contract(&now.yaml, &now.files);
    let map_before = if before.yaml.is_some() { before.map.as_ref() } else { after.map.as_ref() };
    let sides = Sides { before: &before, after: &after, map_before, map_after: after.map.as_ref() };
    let (mut records, mut findings) = (Vec::new(), Vec::new());
    let mut keep = |(review, found): (RecordReview, Vec<Finding>)| {
        records.push(review);
        findings.extend(found);
    };
    for (key, new) in &after.records {
        match before.records.get(key) {
            Some(old) => {
                let failed = |why| Unreviewable { what: format!("record \"{key}\" against {against}"), why };
                record::changed(sides, key, old, new).map_err(failed)?.into_iter().for_each(&mut keep);
            }
            // A registry has no use for what a processor remembers.
            None if matches!(base, Base::Elsewhere(..)) && new.state => {}
            None => keep(record::added(sides, key, new)),
        }
    }
    for (key, old) in before.records.iter().filter(|(key, _)| !after.records.contains_key(*key)) {
        // Releases are for ever, records are not; and a file that cannot be read is not removed.
        let unread = after.problems.iter().any(|problem| problem.file == old.file);
        if !unread && !matches!(base, Base::Released) {
            keep(record::removed(sides, key, old));
        }
    }
    if let Base::Elsewhere(..) = base {
        // The registry's subject says which topic carries it, as nothing else on that side does.
        let topics = after.map.iter().flat_map(|map| &map.topics.0);
        let topics: Vec<&String> = topics.map(|(name, _)| name).collect();
        let carried = |file: &str| topics.iter().any(|topic| file.starts_with(&format!("{topic}-")));
        let gone = findings.iter_mut().filter(|it| it.rule == record::RECORD_REMOVED && carried(&it.file));
        gone.for_each(|it| it.level = Level::Error);
    }
    if let Base::Contract(_, then) = base {
        findings.extend(releases::releases(&before, then, now));
    }
    findings.extend(topics::topics(sides));
    let lints = lints(now, &after);
    let told = |lint: &Finding| findings.iter().any(|it| it.rule == record::VERSION_BUMP && it.file == lint.file);
    let fresh: Vec<Finding> =
        lints.into_iter().filter(|lint| lint.rule != Rule::ReleasedChanged.code() || !told(lint)).collect();
    findings.extend(fresh);
    records.sort_by(|one, other| one.record.cmp(&other.record));
    let findings = merged(findings);
    Ok(Review { against, verdict: findings.first().map(|finding| finding.level), records, findings })
}

/// A released version of a record, and what changed since the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub version: String,
    /// Where it is.
    pub file: String,
    pub changes: Vec<Change>,
}

/// The released versions of a record, the oldest first; `record` is `PlaceOrder` or `state/Item`.
///
/// # Errors
/// When a released schema cannot be read.
pub fn history(files: &[(String, String)], record: &str) -> Result<Vec<Step>, Unreviewable> {
    let failed = |why| Unreviewable { what: format!("record \"{record}\""), why };
    let mut steps: Vec<Step> = Vec::new();
    let mut last: Option<(Side, String, side::Version)> = None;
    for (_, path, text) in side::released(files).into_iter().filter(|(it, ..)| it == record) {
        let texts = [(record, path.as_str(), text.as_str())];
        let side = Side::texts(texts.into_iter()).map_err(failed)?;
        let version = side::Version::read(&text, record.starts_with("state/")).map_err(failed)?;
        let changes = last.as_ref().map_or_else(Vec::new, |(old, file, before)| {
            diff::diff((old, file, &before.avro), (&side, &path, &version.avro))
        });
        steps.push(Step { version: side::version_of(&path), file: path.clone(), changes });
        last = Some((side, path, version));
    }
    Ok(steps)
}

fn open(base: &Base, now: &Contract) -> Result<(String, Side), Unreviewable> {
    match base {
        Base::Contract(name, contract) => {
            let side = Side::contract(&contract.yaml, &contract.files);
            // What the generator does not know is no reason not to compare.
            let read = |rule: Rule| !matches!(rule, Rule::SchemaInvalid | Rule::NameTaken | Rule::MapInvalid);
            match side.problems.iter().find(|problem| !read(problem.rule)) {
                Some(problem) => {
                    Err(Unreviewable { what: name.clone(), why: format!("{}: {}", problem.file, problem.what) })
                }
                None => Ok((name.clone(), side)),
            }
        }
        Base::Released => {
            let failed = |why| Unreviewable { what: "released schemas".to_owned(), why };
            let side = Side::newest(&now.files).map_err(failed)?;
            if side.records.is_empty() {
                let why = "nothing is released; restore schemas/released, or compare with a git ref".to_owned();
                return Err(Unreviewable { what: "released schemas".to_owned(), why });
            }
            Ok(("the released schemas".to_owned(), side))
        }
        Base::Elsewhere(name, texts) => {
            let texts = texts.iter().map(|(record, from, text)| (record.as_str(), from.as_str(), text.as_str()));
            let failed = |why| Unreviewable { what: name.clone(), why };
            Ok((name.clone(), Side::texts(texts).map_err(failed)?))
        }
    }
}

/// What `make contract` would refuse.
fn lints(now: &Contract, after: &Side) -> Vec<Finding> {
    let problems = Catalog::parse(&now.yaml, now.files.iter().cloned()).err().unwrap_or_default();
    let finding = |problem: Problem| Finding {
        rule: problem.rule.code(),
        level: Level::Error,
        line: if problem.line > 0 { problem.line } else { place(&problem, after) },
        before: false,
        records: Vec::new(),
        field: String::new(),
        what: problem.what.clone(),
        why: problem.rule.why().to_owned(),
        breaks: Vec::new(),
        versions: Vec::new(),
        java: None,
        fix: words(problem.rule.hint().to_owned()),
        file: problem.file,
    };
    problems.into_iter().map(finding).collect()
}

/// The line of the field that a problem names; 1 where it names none.
fn place(problem: &Problem, after: &Side) -> u64 {
    let quoted: Vec<&str> = problem.what.split('"').skip(1).step_by(2).collect();
    match quoted.as_slice() {
        [full, field, ..] => after.line(&problem.file, full, Some(field)).1,
        [full] => after.line(&problem.file, full, None).1,
        [] => 1,
    }
}

/// A finding says what it means for so many records; the others are named.
const SHARED_MAX: usize = 3;

/// One finding where several records share a type; the worst first.
fn merged(findings: Vec<Finding>) -> Vec<Finding> {
    let mut out: Vec<Finding> = Vec::new();
    for finding in findings {
        let same = |it: &&mut Finding| {
            !finding.records.is_empty()
                && (it.rule, &it.file, it.line, it.before)
                    == (finding.rule, &finding.file, finding.line, finding.before)
                && it.field.rsplit('.').next() == finding.field.rsplit('.').next()
                && it.level == finding.level
                && finding.rule != record::VERSION_BUMP
        };
        match out.iter_mut().find(same) {
            Some(known) => {
                let other = |list: &mut Vec<String>, more: &[String]| {
                    more.iter().for_each(|it| {
                        if !list.contains(it) {
                            list.push(it.clone());
                        }
                    });
                };
                if known.records.len() < SHARED_MAX && !known.why.contains(&finding.why) {
                    known.why = format!("{}; {}", known.why, finding.why);
                }
                other(&mut known.records, &finding.records);
                other(&mut known.breaks, &finding.breaks);
                other(&mut known.versions, &finding.versions);
            }
            None => out.push(finding),
        }
    }
    // The version follows from the rest, so it comes last.
    out.sort_by_key(|it| {
        let version = it.rule == record::VERSION_BUMP;
        (std::cmp::Reverse(it.level), version, it.file.clone(), it.line, it.rule, it.what.clone())
    });
    out
}
