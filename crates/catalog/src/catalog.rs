//! The whole contract in one value: topics, processors, schemas and releases, with every lint passed.

use std::path::Path;

use crate::map::{self, DuplicatesDecl, Kind, Map, ProcessorDecl, TopicDecl, duration_ms};
use crate::schema::{Definition, Schemas};
use crate::{Level, Problem, Release, disk, lint, released};

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
    /// Who reads it besides processors.
    pub readers: Vec<String>,
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
        let (catalog, mut problems) = Catalog::judge(yaml, files);
        problems.retain(|problem| problem.rule.level() == Level::Error);
        catalog.ok_or(problems)
    }

    /// Every finding about topics.yaml and schemas/ below `root`, warnings too, by place.
    pub fn lint(root: &Path) -> Vec<Problem> {
        match disk::read(root) {
            Ok((yaml, files)) => Catalog::judge(&yaml, files.into_iter()).1,
            Err(problem) => vec![problem.at(1, 1)],
        }
    }

    /// The catalog unless an error was found, and every finding by place.
    pub(crate) fn judge(yaml: &str, files: impl Iterator<Item = (String, String)>) -> (Option<Catalog>, Vec<Problem>) {
        let mut problems = Vec::new();
        let catalog = Catalog::build(yaml, files, &mut problems);
        for problem in problems.iter_mut().filter(|problem| problem.line == 0) {
            // About the file as a whole; every finding has a place that an editor can jump to.
            (problem.line, problem.column) = (1, 1);
        }
        problems.sort();
        problems.dedup();
        (catalog, problems)
    }

    fn build(
        yaml: &str,
        files: impl Iterator<Item = (String, String)>,
        problems: &mut Vec<Problem>,
    ) -> Option<Catalog> {
        let (released, current): (Vec<_>, Vec<_>) =
            files.partition(|(path, _)| path.starts_with(released::RELEASED_DIR));
        let texts = current.iter().map(|(path, text)| (path.as_str(), text.as_str()));
        let schemas = Schemas::parse(texts, problems);
        let releases = released::read(&released, problems);
        let map = match map::parse(yaml) {
            Ok(map) => map,
            Err(problem) => {
                problems.push(problem);
                return None;
            }
        };
        let sound = |problems: &[Problem]| problems.iter().all(|problem| problem.rule.level() == Level::Warning);
        if sound(problems) {
            lint::run(&map, &schemas, problems);
        }
        if sound(problems) {
            let releases = released::extend(releases, &schemas, problems);
            if sound(problems) {
                return Some(build(map, schemas, releases));
            }
        }
        None
    }

    /// A declared topic by name.
    pub fn topic(&self, name: &str) -> Option<&Topic> {
        self.topics.iter().find(|topic| topic.name == name)
    }

    /// The topic that carries a record.
    pub fn topic_of(&self, record: &str) -> Option<&Topic> {
        self.topics.iter().find(|topic| topic.records.iter().any(|other| other == record))
    }

    /// Processors that read a topic, in the order of topics.yaml.
    pub fn readers(&self, topic: &str) -> Vec<&Processor> {
        self.processors.iter().filter(|it| it.inputs.iter().any(|input| input == topic)).collect()
    }

    /// Processors that write a record, to its topic or as a reply, in the order of topics.yaml.
    pub fn writers(&self, topic: &Topic, record: &str) -> Vec<&Processor> {
        let writes = |it: &&Processor| match topic.kind {
            Kind::Reply => it.replies.iter().any(|reply| reply == record),
            _ => it.outputs.contains(&topic.name),
        };
        self.processors.iter().filter(writes).collect()
    }

    /// Reply topics that carry a reply of this processor, in the order of topics.yaml.
    pub fn reply_topics<'c>(&'c self, processor: &'c Processor) -> impl Iterator<Item = &'c Topic> {
        let replies = |topic: &&Topic| topic.records.iter().any(|record| processor.replies.contains(record));
        self.topics.iter().filter(|topic| topic.kind == Kind::Reply).filter(replies)
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
    let retention_ms = duration_ms(&map.defaults.retention.value).unwrap_or_default();
    let topics = map.topics.0.into_iter();
    let topics = topics.map(|(name, decl)| topic(name, decl, map.defaults.partitions.value, retention_ms)).collect();
    let processors = map.processors.0.into_iter();
    let processors = processors.map(|(name, decl)| processor(name, decl, &schemas)).collect();
    Catalog { record_bytes_max: map.limits.record_bytes.value, topics, processors, schemas, releases }
}

fn topic(name: String, decl: TopicDecl, partitions: u32, retention_ms: i64) -> Topic {
    Topic {
        name,
        kind: decl.kind,
        key: decl.key().to_owned(),
        owner: decl.owner.value,
        records: names(decl.records),
        readers: names(decl.readers),
        about: decl.about,
        partitions: decl.partitions.map_or(partitions, |own| own.value),
        retention_ms: decl.retention.and_then(|own| duration_ms(&own.value)).unwrap_or(retention_ms),
        compacted: decl.compacted,
    }
}

fn names(names: Vec<map::Name>) -> Vec<String> {
    names.into_iter().map(|name| name.value).collect()
}

fn processor(name: String, decl: ProcessorDecl, schemas: &Schemas) -> Processor {
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
        wakes: names(decl.wakes),
        window_ms: duration_ms(&decl.dedup.window.value).unwrap_or_default(),
        duplicates: decl.dedup.duplicates,
        by: decl.dedup.by.0.into_iter().map(|(topic, fields)| (topic, names(fields))).collect(),
    }
}
