//! Processors: inputs that fit together, outputs in their role, state, timers, dedup.

use crate::avsc::is_snake;
use crate::generate::module_name;
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
                self.on(Rule::NameInvalid, name, format!("processor \"{name}\""));
            }
            if duration_ms(&processor.dedup.window).is_none() {
                let what = format!("processor \"{name}\": dedup.window \"{}\"", processor.dedup.window);
                self.on(Rule::ValueInvalid, name, what);
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
                self.at(Rule::TopicUnknown, topic, format!("processor \"{name}\": {role} \"{}\"", topic.value));
            }
            if topics[..at].iter().any(|other| other.value == topic.value) {
                self.at(Rule::RoleInvalid, topic, format!("processor \"{name}\": {role} \"{}\" twice", topic.value));
            }
        }
    }

    fn inputs(&mut self, name: &str, processor: &'c ProcessorDecl) {
        if processor.inputs.is_empty() {
            self.on(Rule::RoleInvalid, name, format!("processor \"{name}\" has no input"));
        }
        self.listed(name, "in", &processor.inputs);
        let partitions = |name: &Name| {
            let topic = self.topic(&name.value)?;
            Some((topic.partitions.unwrap_or(self.map.defaults.partitions), topic.key.as_str()))
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
            let mut topics = self.map.topics.0.iter().filter(|(_, topic)| topic.kind == Kind::Reply);
            if !topics.any(|(_, topic)| topic.records.iter().any(|record| record.value == reply.value)) {
                self.at(Rule::ReplyUnlisted, reply, format!("processor \"{name}\": reply \"{}\"", reply.value));
            }
            if processor.replies[..at].iter().any(|other| other.value == reply.value) {
                self.at(Rule::RoleInvalid, reply, format!("processor \"{name}\": reply \"{}\" twice", reply.value));
            }
        }
    }

    fn wakes(&mut self, name: &str, wakes: &[String]) {
        for (at, wake) in wakes.iter().enumerate() {
            if !is_snake(wake) || wakes[..at].contains(wake) || at >= NUMBERED_MAX {
                self.on(Rule::NameInvalid, name, format!("processor \"{name}\": wake \"{wake}\""));
            }
        }
    }

    fn state(&mut self, name: &str, state: &'c StateDecl) {
        let tables: Vec<&str> = state.tables.0.iter().map(|(table, _)| table.as_str()).collect();
        for (at, table) in tables.iter().enumerate() {
            let taken = *table == "get" || table.ends_with("_scan") || tables[..at].contains(table);
            if !is_snake(table) || taken || at >= NUMBERED_MAX {
                self.on(Rule::NameInvalid, name, format!("processor \"{name}\": table \"{table}\""));
            }
        }
        for path in [&state.record].into_iter().chain(state.tables.0.iter().map(|(_, path)| path)) {
            let there = self.schemas.file(&path.value).is_some();
            if !there || !format!("{SCHEMA_DIR}{}", path.value).starts_with(STATE_DIR) {
                self.at(Rule::StateUnknown, path, format!("processor \"{name}\": state \"{}\"", path.value));
            }
        }
    }

    fn dedup(&mut self, name: &str, processor: &'c ProcessorDecl) {
        for (topic, fields) in &processor.dedup.by.0 {
            let input = processor.inputs.iter().any(|input| input.value == *topic);
            let Some(found) = self.topic(topic).filter(|_| input) else {
                let what = format!("processor \"{name}\": dedup.by \"{topic}\" is not among its inputs");
                self.on(Rule::DedupBy, name, what);
                continue;
            };
            if !fields.contains(&found.key) {
                let what = format!("processor \"{name}\": dedup.by \"{topic}\" lacks the key field \"{}\"", found.key);
                self.on(Rule::DedupBy, name, what);
            }
            let records = found.records.iter().filter_map(|record| self.schemas.wire(&record.value));
            let pairs = records.flat_map(|record| fields.iter().map(move |field| (record, field)));
            let missing = pairs.filter(|(record, field)| {
                !record.body().iter().any(|other| other.name == **field && other.ty == Type::String)
            });
            for (record, field) in missing.collect::<Vec<_>>() {
                let what = format!("processor \"{name}\": record \"{}\" has no string \"{field}\"", record.name);
                self.on(Rule::DedupBy, name, what);
            }
        }
    }
}
