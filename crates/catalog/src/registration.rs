//! Releases against what a registry holds: what it lacks, what nobody released, what it must not be given.

use serde::Serialize;

use crate::compat::{self, Schema};
use crate::map;
use crate::released::RELEASED_DIR;
use crate::review::avro::Avro;
use crate::review::side::numbers;
use crate::{Catalog, Release};

/// The compatibility level of every subject of ours: a new reader reads whatever its topic may still hold, which is what
/// a review decides by, too.
pub const LEVEL: &str = "BACKWARD_TRANSITIVE";

/// A record on a topic, as registries name it (TopicRecordNameStrategy), with its releases, oldest first.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    pub name: String,
    pub releases: Vec<&'a Release>,
}

/// A version that a registry holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The registry's own, from 1.
    pub version: u32,
    pub id: u32,
    pub text: String,
}

/// What is to be done for one subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SubjectPlan {
    pub subject: String,
    /// Versions of ours that it has.
    pub registered: Vec<String>,
    /// Versions of ours that it lacks, in the order of registration.
    pub missing: Vec<String>,
    /// The level is to be set; the one that it has.
    pub level: Option<String>,
    /// Versions that nobody released: somebody else registers here, or a release was not merged.
    pub foreign: Vec<Foreign>,
    /// Missing versions that would break who reads what is there.
    pub refused: Vec<Refused>,
}

/// A version in a registry that is not in schemas/released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Foreign {
    pub version: u32,
    pub id: u32,
    pub text: String,
}

/// A release that cannot read what a registry says is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refused {
    pub release: String,
    /// The version that it cannot read, as people call it.
    pub against: String,
    pub why: String,
}

impl SubjectPlan {
    /// Whether the registry already is as it should be.
    pub fn is_done(&self) -> bool {
        self.missing.is_empty() && self.level.is_none() && self.foreign.is_empty()
    }
}

/// A version of one of our subjects, as a review is to compare with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newest {
    /// Short name.
    pub record: String,
    /// Where it comes from, as people call it.
    pub from: String,
    /// As it was released: registries drop what Avro does not know, such as "version".
    pub text: String,
}

/// The newest version of each subject of ours that a registry holds. `topics.yaml` and schemas/ need not be correct: they
/// are what is to be reviewed.
///
/// # Errors
/// With what a registry holds and nobody released: a review that did not know of it could say "fine" and be wrong.
pub fn newest(yaml: &str, files: &[(String, String)], all: &[(String, Vec<Held>)]) -> Result<Vec<Newest>, Vec<String>> {
    let topics: Vec<String> = map::parse(yaml)
        .map_err(|problem| vec![problem.to_string()])?
        .topics
        .0
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let released: Vec<(&str, Option<Avro>)> = files
        .iter()
        .filter(|(path, _)| path.starts_with(RELEASED_DIR) && path.ends_with(".avsc"))
        .map(|(_, text)| (text.as_str(), meaning(text)))
        .collect();
    let (mut found, mut foreign) = (Vec::new(), Vec::new());
    for (subject, held) in all {
        let Some((_, full)) = subject.rsplit_once('-').filter(|(topic, _)| topics.iter().any(|known| known == topic))
        else {
            continue;
        };
        let mut newest = None;
        for it in held {
            let means = meaning(&it.text);
            let found = released.iter().find(|(_, released)| means.is_some() && *released == means);
            newest = found.map(|(text, _)| (it.version, *text));
            if newest.is_none() {
                foreign.push(format!("{subject} version {} (id {}) is not in {RELEASED_DIR}", it.version, it.id));
            }
        }
        let record = full.rsplit('.').next().unwrap_or_default().to_owned();
        found.extend(newest.map(|(version, text)| Newest {
            record,
            from: format!("{subject} version {version}"),
            text: text.to_owned(),
        }));
    }
    if foreign.is_empty() { Ok(found) } else { Err(foreign) }
}

/// Every subject of a catalog, in the order of topics.yaml.
pub fn subjects(catalog: &Catalog) -> Vec<Subject<'_>> {
    let mut all = Vec::new();
    for topic in &catalog.topics {
        for record in &topic.records {
            let of = |release: &&Release| !release.state && release.record == *record;
            all.extend(catalog.releases.iter().filter(of).map(|release| (topic.name.as_str(), release)));
        }
    }
    by_subject(all.into_iter())
}

/// Releases by their subjects; each comes with its topic.
pub fn by_subject<'a>(all: impl Iterator<Item = (&'a str, &'a Release)>) -> Vec<Subject<'a>> {
    let mut subjects: Vec<Subject<'_>> = Vec::new();
    for (topic, release) in all {
        // Another namespace is another subject.
        let name = format!("{topic}-{}", release.full);
        match subjects.iter_mut().find(|subject| subject.name == name) {
            Some(subject) => subject.releases.push(release),
            None => subjects.push(Subject { name, releases: vec![release] }),
        }
    }
    for subject in &mut subjects {
        subject.releases.sort_by_key(|release| numbers(&release.version));
    }
    subjects
}

/// Compares a subject with what a registry holds of it; `level` is the subject's own, when it has one.
pub fn plan(subject: &Subject<'_>, held: &[Held], level: Option<&str>) -> SubjectPlan {
    let known = |release: &Release, held: &Held| {
        let means = meaning(&release.text);
        means.is_some() && means == meaning(&held.text)
    };
    let (registered, missing): (Vec<&Release>, Vec<&Release>) =
        subject.releases.iter().partition(|release| held.iter().any(|held| known(release, held)));
    let foreign = held.iter().filter(|held| !subject.releases.iter().any(|release| known(release, held)));
    let mut refused = Vec::new();
    for (at, release) in missing.iter().enumerate() {
        let there = held.iter().map(|held| (format!("version {} (id {})", held.version, held.id), held.text.as_str()));
        let before = missing.iter().take(at).map(|release| (release.version.clone(), release.text.as_str()));
        refused.extend(there.chain(before).filter_map(|(against, text)| {
            Some(Refused { release: release.version.clone(), against, why: unreadable(&release.text, text)? })
        }));
    }
    SubjectPlan {
        subject: subject.name.clone(),
        registered: registered.iter().map(|release| release.version.clone()).collect(),
        missing: missing.iter().map(|release| release.version.clone()).collect(),
        level: (level != Some(LEVEL)).then(|| level.unwrap_or("none of its own").to_owned()),
        foreign: foreign.map(|it| Foreign { version: it.version, id: it.id, text: it.text.clone() }).collect(),
        refused,
    }
}

/// What a schema means to whoever reads data, logical types and defaults included, which a fingerprint is silent about;
/// nothing for a text that is no record.
fn meaning(text: &str) -> Option<Avro> {
    let found = serde_json::from_str(text).ok().map(|json| Avro::bare(&json));
    found.filter(|found| !found.root.is_empty())
}

/// Why a reader cannot read what a writer wrote, when it cannot.
fn unreadable(reader: &str, writer: &str) -> Option<String> {
    let parsed = Schema::parse(reader).and_then(|reader| Ok((reader, Schema::parse(writer)?)));
    let (reader, writer) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return Some(error.to_string()),
    };
    match compat::check(&reader, &writer) {
        Ok(report) => report.errors.first().map(ToString::to_string),
        Err(error) => Some(error.to_string()),
    }
}
