//! What every document tells: topics, records and processors with their relations spelt out.

use crate::catalog::{Processor, Topic};
use crate::export::schema::{Row, Version, rows, versions};
use crate::export::wire::{self, Identity, Rule};
use crate::{Catalog, Kind, META, TopicKind, TopicSpec};

/// Somebody who reads or writes: a processor, or a name of the world outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    pub name: String,
    pub outside: bool,
}

#[derive(Debug)]
pub struct TopicPage<'c> {
    pub topic: &'c Topic,
    pub spec: TopicSpec,
    pub writers: Vec<Party>,
    pub readers: Vec<Party>,
    pub identities: Vec<Identity>,
}

#[derive(Debug)]
pub struct RecordPage<'c> {
    pub name: &'c str,
    /// In which the name stands once: state has a room of its own.
    pub state: bool,
    pub doc: &'c str,
    pub file: &'c str,
    /// Nothing for state and for meta.
    pub topic: Option<&'c Topic>,
    pub writers: Vec<Party>,
    pub readers: Vec<Party>,
    /// The newest first.
    pub versions: Vec<Version>,
    /// Of the newest version, where there is no registry.
    pub local_id: u32,
}

#[derive(Debug)]
pub struct Model<'c> {
    pub topics: Vec<TopicPage<'c>>,
    /// Records in the order of topics, then state in the order of processors.
    pub records: Vec<RecordPage<'c>>,
    /// The fields that every record begins with.
    pub meta: Vec<Row>,
    pub processors: &'c [Processor],
    /// What the engine keeps beside the processors.
    pub internal: Vec<TopicSpec>,
    /// What clients have to do.
    pub rules: Vec<Rule>,
}

/// Reads a catalog.
pub fn model<'c>(catalog: &'c Catalog, rules: &[(&'static str, &str)]) -> Model<'c> {
    let (declared, internal): (Vec<_>, Vec<_>) =
        catalog.topics().into_iter().partition(|spec| matches!(spec.kind, TopicKind::Declared(_)));
    let topics = catalog.topics.iter().zip(declared);
    let topics = topics.map(|(topic, spec)| topic_page(catalog, topic, spec)).collect();
    let wire = catalog.topics.iter().flat_map(|topic| topic.records.iter().map(move |record| (topic, record)));
    let mut records: Vec<RecordPage<'_>> =
        wire.filter_map(|(topic, record)| wire_page(catalog, topic, record)).collect();
    for processor in &catalog.processors {
        let state = processor.state.iter();
        let full = state.flat_map(|it| [&it.record].into_iter().chain(it.tables.iter().map(|table| &table.record)));
        records.extend(full.filter_map(|full| state_page(catalog, processor, full)));
    }
    let meta = catalog.schemas.get(META).map_or_else(Vec::new, |meta| rows(&meta.json, &mut Vec::new()));
    let rules = wire::rules(catalog, rules);
    Model { topics, records, meta, processors: &catalog.processors, internal, rules }
}

fn party(processor: &Processor) -> Party {
    Party { name: processor.name.clone(), outside: false }
}

fn outside(name: &str) -> Party {
    Party { name: name.to_owned(), outside: true }
}

/// Who reads a topic: processors, then the world.
fn readers(catalog: &Catalog, topic: &Topic) -> Vec<Party> {
    let mut readers: Vec<Party> = catalog.readers(&topic.name).into_iter().map(party).collect();
    readers.extend(topic.readers.iter().map(|name| outside(name)));
    if topic.kind == Kind::Reply && !is_processor(catalog, &topic.owner) {
        readers.push(outside(&topic.owner));
    }
    readers
}

/// Who writes a record: processors, then the world.
fn writers(catalog: &Catalog, topic: &Topic, record: &str) -> Vec<Party> {
    let mut writers: Vec<Party> = catalog.writers(topic, record).into_iter().map(party).collect();
    if topic.kind != Kind::Reply && !is_processor(catalog, &topic.owner) {
        writers.push(outside(&topic.owner));
    }
    writers
}

fn is_processor(catalog: &Catalog, name: &str) -> bool {
    catalog.processors.iter().any(|processor| processor.name == name)
}

fn topic_page<'c>(catalog: &'c Catalog, topic: &'c Topic, spec: TopicSpec) -> TopicPage<'c> {
    let mut all: Vec<Party> = Vec::new();
    for writer in topic.records.iter().flat_map(|record| writers(catalog, topic, record)) {
        if !all.contains(&writer) {
            all.push(writer);
        }
    }
    let identities = wire::identities(catalog, topic);
    TopicPage { topic, spec, writers: all, readers: readers(catalog, topic), identities }
}

fn wire_page<'c>(catalog: &'c Catalog, topic: &'c Topic, record: &str) -> Option<RecordPage<'c>> {
    let it = catalog.schemas.wire(record)?;
    let released = catalog.releases.iter().filter(|release| !release.state && release.record == it.name);
    Some(RecordPage {
        name: &it.name,
        state: false,
        doc: &it.doc,
        file: &it.file,
        topic: Some(topic),
        writers: writers(catalog, topic, record),
        readers: readers(catalog, topic),
        versions: versions(released),
        local_id: catalog.release_of(it).map_or(0, |release| release.id),
    })
}

fn state_page<'c>(catalog: &'c Catalog, processor: &Processor, full: &str) -> Option<RecordPage<'c>> {
    let it = catalog.schemas.get(full)?;
    let released = catalog.releases.iter().filter(|release| release.state && release.record == it.name);
    Some(RecordPage {
        name: &it.name,
        state: true,
        doc: &it.doc,
        file: &it.file,
        topic: None,
        writers: vec![party(processor)],
        readers: vec![party(processor)],
        versions: versions(released),
        local_id: catalog.release_of(it).map_or(0, |release| release.id),
    })
}

/// `30 d`, or "for ever" for -1.
pub fn length(ms: &str) -> String {
    match ms.parse::<i64>() {
        Ok(ms) if ms < 0 => "for ever".to_owned(),
        Ok(ms) if ms % 86_400_000 == 0 => format!("{} d", ms / 86_400_000),
        Ok(ms) if ms % 3_600_000 == 0 => format!("{} h", ms / 3_600_000),
        Ok(ms) => format!("{ms} ms"),
        Err(_) => ms.to_owned(),
    }
}

/// What the broker keeps of a topic, in words.
pub fn kept(spec: &TopicSpec) -> String {
    let get = |name: &str| spec.config.get(name).map_or("", String::as_str);
    match get("cleanup.policy") {
        "compact" => "the last record of each key, for ever".to_owned(),
        _ => match length(get("retention.ms")).as_str() {
            "for ever" => "everything, for ever".to_owned(),
            length => format!("everything, {length}"),
        },
    }
}

/// The first letter in upper case.
pub fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
