//! The whole contract in one value: topics, processors, schemas and releases, with every lint passed.

use std::path::Path;

use crate::map::{self, DuplicatesDecl, Kind, Map, ProcessorDecl, TopicDecl, duration_ms};
use crate::schema::{Definition, Schemas};
use crate::{Problem, Release, disk, lint, released};

/// Everything that topics.yaml and schemas/ say.
#[derive(Debug)]
pub struct Catalog {
    /// An input or output above it is a dead letter.
    pub record_bytes_max: usize,
    /// Declared topics, in the order of topics.yaml.
    pub topics: Vec<Topic>,
    /// In the order of topics.yaml.
    pub processors: Vec<Processor>,
    pub schemas: Schemas,
    /// By id, with the versions that this catalog adds.
    pub releases: Vec<Release>,
}

#[derive(Debug, Clone)]
pub struct Topic {
    pub name: String,
    pub kind: Kind,
    /// The field of every record that is the Kafka key.
    pub key: String,
    /// A processor, or somebody outside.
    pub owner: String,
    /// Short names.
    pub records: Vec<String>,
    pub about: String,
    pub partitions: u32,
    pub retention_ms: i64,
    pub compacted: bool,
}

#[derive(Debug, Clone)]
pub struct Processor {
    pub name: String,
    pub about: String,
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
    /// Records that may go to reply topics.
    pub replies: Vec<String>,
    pub state: Option<State>,
    pub wakes: Vec<String>,
    pub window_ms: i64,
    pub duplicates: DuplicatesDecl,
    /// Topic and the fields that identify its records, where meta.event_id does not.
    pub by: Vec<(String, Vec<String>)>,
}

/// What a processor remembers: full names of state records.
#[derive(Debug, Clone)]
pub struct State {
    pub record: String,
    pub tables: Vec<Table>,
}

#[derive(Debug, Clone)]
pub struct Table {
    pub name: String,
    pub record: String,
}

impl Catalog {
    /// Reads topics.yaml and schemas/ below `root`.
    pub fn load(root: &Path) -> Result<Catalog, Vec<Problem>> {
        let (yaml, files) = disk::read(root).map_err(|problem| vec![problem])?;
        Catalog::parse(&yaml, files.into_iter())
    }

    /// Reads topics.yaml from its text, and schemas (released ones and local.lock.json too) from pairs of path and
    /// text; paths begin with `schemas/`.
    pub fn parse(yaml: &str, files: impl Iterator<Item = (String, String)>) -> Result<Catalog, Vec<Problem>> {
        let (released, current): (Vec<_>, Vec<_>) =
            files.partition(|(path, _)| path.starts_with(released::RELEASED_DIR));
        let mut problems = Vec::new();
        let texts = current.iter().map(|(path, text)| (path.as_str(), text.as_str()));
        let schemas = Schemas::parse(texts, &mut problems);
        let releases = released::read(&released, &mut problems);
        let map = match map::parse(yaml) {
            Ok(map) => map,
            Err(problem) => {
                problems.push(problem);
                return Err(problems);
            }
        };
        if problems.is_empty() {
            lint::run(&map, &schemas, yaml, &mut problems);
        }
        if problems.is_empty() {
            let releases = released::extend(releases, &schemas, &mut problems);
            if problems.is_empty() {
                return Ok(build(map, schemas, releases));
            }
        }
        problems.sort();
        problems.dedup();
        Err(problems)
    }

    /// A declared topic by name.
    pub fn topic(&self, name: &str) -> Option<&Topic> {
        self.topics.iter().find(|topic| topic.name == name)
    }

    /// The topic that carries a record.
    pub fn topic_of(&self, record: &str) -> Option<&Topic> {
        self.topics.iter().find(|topic| topic.records.iter().any(|other| other == record))
    }

    /// Number of partitions of a processor's inputs.
    pub fn partitions(&self, processor: &Processor) -> u32 {
        processor.inputs.first().and_then(|name| self.topic(name)).map_or(0, |topic| topic.partitions)
    }

    /// The current release of a record, wire or state.
    pub fn release_of(&self, definition: &Definition) -> Option<&Release> {
        self.releases.iter().find(|release| {
            release.record == definition.name
                && release.state == definition.is_state()
                && release.version == definition.version
        })
    }
}

fn build(map: Map, schemas: Schemas, releases: Vec<Release>) -> Catalog {
    let retention_ms = duration_ms(&map.defaults.retention).unwrap_or_default();
    let topics = map.topics.0.into_iter();
    let topics = topics.map(|(name, decl)| topic(name, decl, map.defaults.partitions, retention_ms)).collect();
    let processors = map.processors.0.into_iter();
    let processors = processors.map(|(name, decl)| processor(name, decl, &schemas)).collect();
    Catalog { record_bytes_max: map.limits.record_bytes, topics, processors, schemas, releases }
}

fn topic(name: String, decl: TopicDecl, partitions: u32, retention_ms: i64) -> Topic {
    Topic {
        name,
        kind: decl.kind,
        key: decl.key,
        owner: decl.owner,
        records: decl.records.into_iter().map(|record| record.value).collect(),
        about: decl.about,
        partitions: decl.partitions.unwrap_or(partitions),
        retention_ms: decl.retention.as_deref().and_then(duration_ms).unwrap_or(retention_ms),
        compacted: decl.compacted,
    }
}

fn processor(name: String, decl: ProcessorDecl, schemas: &Schemas) -> Processor {
    let names = |names: Vec<map::Name>| names.into_iter().map(|name| name.value).collect();
    let full = |path: &str| schemas.file(path).map_or_else(String::new, |found| found.full.clone());
    let state = decl.state.map(|state| State {
        record: full(&state.record.value),
        tables: state.tables.0.into_iter().map(|(name, path)| Table { name, record: full(&path.value) }).collect(),
    });
    Processor {
        name,
        about: decl.about,
        inputs: names(decl.inputs),
        outputs: names(decl.outputs),
        replies: names(decl.replies),
        state,
        wakes: decl.wakes,
        window_ms: duration_ms(&decl.dedup.window).unwrap_or_default(),
        duplicates: decl.dedup.duplicates,
        by: decl.dedup.by.0,
    }
}
