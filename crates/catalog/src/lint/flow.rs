//! The flow as a whole: every topic has somebody who writes it and somebody who reads it, for as long as they need.

use std::collections::BTreeSet;

use crate::Rule;
use crate::lint::Lint;
use crate::lint::near::nearest;
use crate::map::{Kind, Name, TopicDecl, duration_ms};

impl Lint<'_> {
    pub(super) fn flow(&mut self) {
        let map = self.map;
        for (name, topic) in &map.topics.0 {
            self.people(name, topic);
            self.written(name, topic);
            self.read(name, topic);
        }
        for (name, processor) in &map.processors.0 {
            let window = &processor.dedup.window;
            for input in &processor.inputs {
                self.kept(name, window, &input.value);
            }
        }
    }

    fn is_processor(&self, name: &str) -> bool {
        self.map.processors.0.iter().any(|(processor, _)| processor == name)
    }

    /// Owner and readers may be people and systems outside, but not misspelt processors.
    fn people(&mut self, name: &str, topic: &TopicDecl) {
        for (role, who) in [("owner", &topic.owner)].into_iter().chain(topic.readers.iter().map(|it| ("reader", it))) {
            let processors = self.map.processors.0.iter().map(|(processor, _)| processor.as_str());
            if self.is_processor(&who.value) {
                if role == "reader" {
                    let what = format!("topic \"{name}\": reader \"{}\" is a processor", who.value);
                    self.at(Rule::RoleInvalid, who, what);
                }
            } else if let Some(near) = nearest(&who.value, processors) {
                let what = format!("topic \"{name}\": {role} \"{}\"; did you mean \"{near}\"?", who.value);
                self.at(Rule::ProcessorUnknown, who, what);
            }
        }
    }

    /// Facts have a rule of their own: exactly one writer.
    fn written(&mut self, name: &str, topic: &TopicDecl) {
        let processors = &self.map.processors.0;
        match topic.kind {
            Kind::Fact => {}
            Kind::Reply => {
                let replies: BTreeSet<&str> =
                    processors.iter().flat_map(|(_, it)| &it.replies).map(|reply| reply.value.as_str()).collect();
                for record in topic.records.iter().filter(|record| !replies.contains(record.value.as_str())) {
                    let what = format!("reply topic \"{name}\": no processor replies \"{}\"", record.value);
                    self.at(Rule::WriterMissing, record, what);
                }
            }
            Kind::Command | Kind::Request => {
                let written = processors.iter().any(|(_, it)| it.outputs.iter().any(|output| output.value == name));
                if self.is_processor(&topic.owner.value) && !written {
                    let what = format!("topic \"{name}\" of owner \"{}\" is written by nobody", topic.owner.value);
                    self.at(Rule::WriterMissing, &topic.owner, what);
                }
            }
        }
    }

    /// Replies are for whoever asked.
    fn read(&mut self, name: &str, topic: &TopicDecl) {
        let mut inputs = self.map.processors.0.iter().flat_map(|(_, it)| &it.inputs);
        // One typing error is one finding.
        let meant = |input: &Name| self.topic(&input.value).is_none() && self.nearest_topic(&input.value) == Some(name);
        let read = inputs.any(|input| input.value == name || meant(input));
        if !read && topic.readers.is_empty() && topic.kind != Kind::Reply {
            self.on_topic(Rule::ReaderMissing, name, format!("topic \"{name}\" is read by nobody"));
        }
    }

    fn nearest_topic(&self, unknown: &str) -> Option<&str> {
        nearest(unknown, self.topic_names())
    }

    fn kept(&mut self, processor: &str, window: &Name, input: &str) {
        let Some(topic) = self.topic(input).filter(|topic| !topic.compacted) else { return };
        let retention = topic.retention.as_ref().unwrap_or(&self.map.defaults.retention);
        let (Some(kept_ms), Some(window_ms)) = (duration_ms(&retention.value), duration_ms(&window.value)) else {
            return;
        };
        if kept_ms < window_ms {
            let what = format!(
                "topic \"{input}\" is kept {}, its reader \"{processor}\" has a dedup window of {}",
                retention.value, window.value
            );
            self.at(Rule::RetentionShort, retention, what);
        }
    }
}
