//! Processors: inputs that fit together, outputs in their role, state, timers, dedup.

use crate::avsc::is_snake;
use crate::generate::module_name;
use crate::lint::near::did_you_mean;
use crate::lint::{Lint, is_kebab};
use crate::map::{Kind, Name, ProcessorDecl, StateDecl, duration_ms};
use crate::schema::{SCHEMA_DIR, STATE_DIR};
use crate::{Rule, Type};

/// A timer's or a table's number is one byte.
const NUMBERED_MAX: usize = 250;

impl<'c> Lint<'c> {
    pub(super) fn processors(&mut self) {
        let map = self.map;
        for (name, processor) in &map.processors.0 {
            let topics = map.topics.0.iter().map(|(topic, _)| module_name(topic));
            let taken = topics
                .chain(["state", "shared", "released", "topics"].map(str::to_owned))
                .any(|it| it == module_name(name));
            if !is_kebab(name) || taken {
                self.on_processor(Rule::NameInvalid, name, format!("processor \"{name}\""));
            }
            let window = &processor.dedup.window;
            if duration_ms(&window.value).is_none() {
                let what = format!("processor \"{name}\": dedup.window \"{}\"", window.value);
                self.at(Rule::ValueInvalid, window, what);
            }
            self.inputs(name, processor);
            self.outputs(name, processor);
            self.wakes(name, &processor.wakes);
            if let Some(state) = &processor.state {
                self.state(name, state);
            }
            self.dedup(name, processor);
        }
    }

    fn listed(&mut self, name: &str, role: &str, topics: &'c [Name]) {
        for (at, topic) in topics.iter().enumerate() {
            if self.topic(&topic.value).is_none() {
                let near = did_you_mean(&topic.value, self.topic_names());
                self.at(Rule::TopicUnknown, topic, format!("processor \"{name}\": {role} \"{}\"{near}", topic.value));
            }
            if topics[..at].iter().any(|other| other.value == topic.value) {
                self.at(Rule::RoleInvalid, topic, format!("processor \"{name}\": {role} \"{}\" twice", topic.value));
            }
        }
    }

    fn inputs(&mut self, name: &str, processor: &'c ProcessorDecl) {
        if processor.inputs.is_empty() {
            self.on_processor(Rule::RoleInvalid, name, format!("processor \"{name}\" has no input"));
        }
        self.listed(name, "in", &processor.inputs);
        let partitions = |name: &Name| {
            let topic = self.topic(&name.value)?;
            let partitions = topic.partitions.as_ref().unwrap_or(&self.map.defaults.partitions);
            Some((partitions.value, topic.key()))
        };
        let Some(first) = processor.inputs.first() else { return };
        let Some(expected) = partitions(first) else { return };
        let differ = processor.inputs.iter().filter_map(|other| Some((other, partitions(other)?)));
        let differ: Vec<_> = differ.filter(|(_, found)| *found != expected).collect();
        for (other, found) in differ {
            let what = format!(
                "processor \"{name}\": topic \"{}\" has {} partitions by {}, topic \"{}\" has {} by {}",
                first.value, expected.0, expected.1, other.value, found.0, found.1
            );
            self.at(Rule::PartitionsDiffer, other, what);
        }
    }

    fn outputs(&mut self, name: &str, processor: &'c ProcessorDecl) {
        self.listed(name, "out", &processor.outputs);
        for output in &processor.outputs {
            if self.topic(&output.value).is_some_and(|topic| topic.kind == Kind::Reply) {
                let what = format!("processor \"{name}\": topic \"{}\" is a reply topic", output.value);
                self.at(Rule::RoleInvalid, output, what);
            }
        }
        for (at, reply) in processor.replies.iter().enumerate() {
            let topics = self.map.topics.0.iter().filter(|(_, topic)| topic.kind == Kind::Reply);
            let mut known = topics.flat_map(|(_, topic)| topic.records.iter().map(|record| record.value.as_str()));
            if !known.clone().any(|record| record == reply.value) {
                let near = did_you_mean(&reply.value, &mut known);
                self.at(Rule::ReplyUnlisted, reply, format!("processor \"{name}\": reply \"{}\"{near}", reply.value));
            }
            if processor.replies[..at].iter().any(|other| other.value == reply.value) {
                self.at(Rule::RoleInvalid, reply, format!("processor \"{name}\": reply \"{}\" twice", reply.value));
            }
        }
    }

    fn wakes(&mut self, name: &str, wakes: &[Name]) {
        for (at, wake) in wakes.iter().enumerate() {
            let twice = wakes[..at].iter().any(|other| other.value == wake.value);
            if !is_snake(&wake.value) || twice || at >= NUMBERED_MAX {
                self.at(Rule::NameInvalid, wake, format!("processor \"{name}\": wake \"{}\"", wake.value));
            }
        }
    }

    fn state(&mut self, name: &str, state: &'c StateDecl) {
        let tables: Vec<&str> = state.tables.0.iter().map(|(table, _)| table.as_str()).collect();
        for (at, table) in tables.iter().enumerate() {
            let taken = *table == "get" || table.ends_with("_scan") || tables[..at].contains(table);
            if !is_snake(table) || taken || at >= NUMBERED_MAX {
                let place = state.tables.1[at];
                self.yaml(Rule::NameInvalid, &place, format!("processor \"{name}\": table \"{table}\""));
            }
        }
        for path in [&state.record].into_iter().chain(state.tables.0.iter().map(|(_, path)| path)) {
            let there = self.schemas.file(&path.value).is_some();
            if !there || !format!("{SCHEMA_DIR}{}", path.value).starts_with(STATE_DIR) {
                let files = self.schemas.all().filter(|it| it.top && it.is_state());
                let known = files.filter_map(|it| it.file.strip_prefix(SCHEMA_DIR));
                let what =
                    format!("processor \"{name}\": state \"{}\"{}", path.value, did_you_mean(&path.value, known));
                self.at(Rule::StateUnknown, path, what);
            }
        }
    }

    fn dedup(&mut self, name: &str, processor: &'c ProcessorDecl) {
        let by = &processor.dedup.by;
        for ((topic, fields), place) in by.0.iter().zip(&by.1) {
            let inputs = processor.inputs.iter().map(|input| input.value.as_str());
            let Some(found) = self.topic(topic).filter(|_| inputs.clone().any(|input| input == topic)) else {
                let near = did_you_mean(topic, inputs);
                let what = format!("processor \"{name}\": dedup.by \"{topic}\" is not among its inputs{near}");
                self.yaml(Rule::DedupBy, place, what);
                continue;
            };
            let key = found.key();
            if !key.is_empty() && !fields.iter().any(|field| field.value == key) {
                let what = format!("processor \"{name}\": dedup.by \"{topic}\" lacks the key field \"{key}\"");
                self.yaml(Rule::DedupBy, place, what);
            }
            let records = found.records.iter().filter_map(|record| self.schemas.wire(&record.value));
            let pairs = records.flat_map(|record| fields.iter().map(move |field| (record, field)));
            let missing = pairs.filter(|(record, field)| {
                !record.body().iter().any(|other| other.name == field.value && other.ty == Type::String)
            });
            for (record, field) in missing.collect::<Vec<_>>() {
                let strings = record.body().iter().filter(|other| other.ty == Type::String);
                let near = did_you_mean(&field.value, strings.map(|other| other.name.as_str()));
                let (record, wanted) = (&record.name, &field.value);
                let what = format!("processor \"{name}\": record \"{record}\" has no string \"{wanted}\"{near}");
                self.at(Rule::DedupBy, field, what);
            }
        }
    }
}
