//! Who reads and writes a record, as topics.yaml says.

use crate::map::{Kind, Map, TopicDecl};
use crate::review::model::Use;
use crate::review::side::Record;
use crate::schema::SCHEMA_DIR;

/// The topics and states that carry a record.
pub fn uses(map: &Map, record: &Record) -> Vec<Use> {
    if record.state { states(map, record) } else { topics(map, record) }
}

fn topics(map: &Map, record: &Record) -> Vec<Use> {
    let carries = |topic: &TopicDecl| topic.records.iter().any(|name| name.value == record.name);
    let carrying = map.topics.0.iter().filter(|(_, topic)| carries(topic));
    carrying.map(|(name, topic)| of_topic(map, record, name, topic)).collect()
}

fn of_topic(map: &Map, record: &Record, name: &str, topic: &TopicDecl) -> Use {
    let processors = || map.processors.0.iter();
    let lists = |names: &[crate::map::Name]| names.iter().any(|other| other.value == name);
    let readers = processors().filter(|(_, it)| lists(&it.inputs)).map(|(name, _)| name.clone());
    let replies = |it: &crate::map::ProcessorDecl| {
        topic.kind == Kind::Reply && it.replies.iter().any(|reply| reply.value == record.name)
    };
    let writers = processors().filter(|(_, it)| lists(&it.outputs) || replies(it)).map(|(name, _)| name.clone());
    let outside = processors().all(|(name, _)| *name != topic.owner.value).then(|| topic.owner.value.clone());
    let replied = outside.iter().filter(|_| topic.kind == Kind::Reply).cloned();
    let asked = matches!(topic.kind, Kind::Command | Kind::Request);
    Use {
        place: name.to_owned(),
        retained: retained(map, topic),
        readers: readers.collect(),
        writers: writers.collect(),
        readers_outside: replied.chain(topic.readers.iter().map(|reader| reader.value.clone())).collect(),
        writers_outside: outside.iter().filter(|_| asked || topic.kind == Kind::Fact).cloned().collect(),
    }
}

/// How long a topic keeps its data.
pub fn retained(map: &Map, topic: &TopicDecl) -> String {
    if topic.compacted {
        return "for ever".to_owned();
    }
    topic.retention.as_ref().unwrap_or(&map.defaults.retention).value.clone()
}

fn states(map: &Map, record: &Record) -> Vec<Use> {
    let path = record.file.strip_prefix(SCHEMA_DIR).unwrap_or(&record.file);
    let short = format!("state/{}", record.name);
    let mut out = Vec::new();
    for (name, processor) in &map.processors.0 {
        let Some(state) = &processor.state else { continue };
        let mut paths = std::iter::once(&state.record).chain(state.tables.0.iter().map(|(_, path)| path));
        // A released state record is known by its name alone.
        let released = |value: &str| path.starts_with("released/") && snake(&short) == value;
        if paths.any(|it| it.value == path || released(&it.value)) {
            out.push(Use {
                place: format!("state of {name}"),
                retained: "for ever".to_owned(),
                readers: vec![name.clone()],
                writers: vec![name.clone()],
                readers_outside: Vec::new(),
                writers_outside: Vec::new(),
            });
        }
    }
    out
}

/// `state/ParkedLine` -> `state/parked_line.avsc`
fn snake(record: &str) -> String {
    let name = record.strip_prefix("state/").unwrap_or(record);
    format!("state/{}.avsc", crate::generate::snake_name(name))
}

/// Names without doubles, as a sentence lists them: `a`, `a and b`, `a, b and c`.
pub fn listed(names: &[String]) -> String {
    match names {
        [] => "nobody in topics.yaml".to_owned(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// Every name once, in order of appearance.
pub fn once<'n>(names: impl Iterator<Item = &'n String>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for name in names {
        if !out.contains(name) {
            out.push(name.clone());
        }
    }
    out
}
