//! Topics: names, records, keys, writers, numbers.

use crate::lint::near::did_you_mean;
use crate::lint::{Lint, is_kebab};
use crate::map::{Kind, TopicDecl, duration_ms};
use crate::{Rule, Type};

impl Lint<'_> {
    pub(super) fn topics(&mut self) {
        self.limits();
        for (name, topic) in &self.map.topics.0 {
            if !is_topic_name(name) {
                self.on_topic(Rule::TopicName, name, format!("topic \"{name}\""));
            }
            if topic.records.is_empty() {
                self.on_topic(Rule::RecordUnknown, name, format!("topic \"{name}\" lists no record"));
            }
            if let Some(partitions) = topic.partitions.as_ref().filter(|count| count.value == 0) {
                self.at(Rule::ValueInvalid, partitions, format!("topic \"{name}\": partitions 0"));
            }
            if let Some(retention) = topic.retention.as_ref().filter(|text| duration_ms(&text.value).is_none()) {
                let what = format!("topic \"{name}\": retention \"{}\"", retention.value);
                self.at(Rule::ValueInvalid, retention, what);
            }
            if topic.key().is_empty() {
                let rule = if topic.compacted { Rule::CompactedKey } else { Rule::KeyMissing };
                self.on_topic(rule, name, format!("topic \"{name}\" has no key"));
            }
            self.records(name, topic);
            self.writers(name, topic);
        }
    }

    fn limits(&mut self) {
        let (limits, defaults) = (&self.map.limits, &self.map.defaults);
        if limits.record_bytes.value == 0 {
            self.at(Rule::ValueInvalid, &limits.record_bytes, "limits.record_bytes 0");
        }
        if defaults.partitions.value == 0 {
            self.at(Rule::ValueInvalid, &defaults.partitions, "defaults.partitions 0");
        }
        if duration_ms(&defaults.retention.value).is_none() {
            let what = format!("defaults.retention \"{}\"", defaults.retention.value);
            self.at(Rule::ValueInvalid, &defaults.retention, what);
        }
    }

    fn records(&mut self, name: &str, topic: &TopicDecl) {
        for (at, record) in topic.records.iter().enumerate() {
            let short = &record.value;
            let Some(found) = self.schemas.wire(short) else {
                let known = self.schemas.all().filter(|it| it.is_wire() && !it.is_state()).map(|it| it.name.as_str());
                let what = format!("topic \"{name}\": record \"{short}\"{}", did_you_mean(short, known));
                self.at(Rule::RecordUnknown, record, what);
                continue;
            };
            let before = self.map.topics.0.iter().take_while(|(other, _)| other != name);
            let mut elsewhere = before.filter(|(_, other)| other.records.iter().any(|it| it.value == *short));
            if let Some((other, _)) = elsewhere.next() {
                self.at(
                    Rule::RecordTwice,
                    record,
                    format!("record \"{short}\" is on topics \"{other}\" and \"{name}\""),
                );
            } else if topic.records[..at].iter().any(|it| it.value == *short) {
                self.at(Rule::RecordTwice, record, format!("record \"{short}\" stands twice on topic \"{name}\""));
            }
            if !found.is_wire() {
                let what = format!("record \"{short}\" of topic \"{name}\" does not begin with meta");
                self.in_type(Rule::MetaFirst, found, what);
            }
            let key = topic.key();
            if !key.is_empty() && !found.body().iter().any(|field| field.name == key && field.ty == Type::String) {
                let strings = found.body().iter().filter(|field| field.ty == Type::String);
                let near = did_you_mean(key, strings.map(|field| field.name.as_str()));
                let what = format!("record \"{short}\" has no string \"{key}\", the key of topic \"{name}\"{near}");
                self.in_type(Rule::KeyMissing, found, what);
            }
        }
    }

    fn writers(&mut self, name: &str, topic: &TopicDecl) {
        let writers = self.map.processors.0.iter().filter(|(_, it)| it.outputs.iter().any(|out| out.value == name));
        let writers: Vec<&str> = writers.map(|(processor, _)| processor.as_str()).collect();
        let inside = self.map.processors.0.iter().any(|(processor, _)| *processor == topic.owner.value);
        let fits = match topic.kind {
            Kind::Fact if inside => writers == [topic.owner.value.as_str()],
            Kind::Fact => writers.is_empty(),
            Kind::Command | Kind::Request | Kind::Reply => true,
        };
        if !fits {
            let writers = if writers.is_empty() { "nobody".to_owned() } else { writers.join(", ") };
            let what = format!("fact topic \"{name}\" of owner \"{}\" is written by {writers}", topic.owner.value);
            self.at(Rule::WriterCount, &topic.owner, what);
        }
    }
}

fn is_topic_name(name: &str) -> bool {
    let Some((noun, major)) = name.rsplit_once(".v") else { return false };
    is_kebab(noun) && major.parse::<u32>().is_ok_and(|number| number > 0 && number.to_string() == major)
}

#[cfg(test)]
mod tests {
    use super::is_topic_name;

    #[test]
    fn a_topic_name_is_a_noun_and_a_major_version() {
        for good in ["orders.v1", "item-requests.v12"] {
            assert!(is_topic_name(good), "{good}");
        }
        for bad in
            ["orders", "Orders.v1", "orders.v0", "orders.v01", "orders.v1.2", "item_requests.v1", ".v1", "o.p.v1"]
        {
            assert!(!is_topic_name(bad), "{bad}");
        }
    }
}
