//! Topics: names, records, keys, writers, numbers.

use crate::lint::{Lint, is_kebab};
use crate::map::{Kind, TopicDecl, duration_ms};
use crate::{Rule, Type};

impl Lint<'_> {
    pub(super) fn topics(&mut self) {
        self.limits();
        for (name, topic) in &self.map.topics.0 {
            if !is_topic_name(name) {
                self.on(Rule::TopicName, name, format!("topic \"{name}\""));
            }
            if topic.records.is_empty() {
                self.on(Rule::RecordUnknown, name, format!("topic \"{name}\" lists no record"));
            }
            if topic.partitions == Some(0) {
                self.on(Rule::ValueInvalid, name, format!("topic \"{name}\": partitions 0"));
            }
            if let Some(retention) = topic.retention.as_ref().filter(|text| duration_ms(text).is_none()) {
                self.on(Rule::ValueInvalid, name, format!("topic \"{name}\": retention \"{retention}\""));
            }
            self.records(name, topic);
            self.writers(name, topic);
        }
    }

    fn limits(&mut self) {
        let (limits, defaults) = (&self.map.limits, &self.map.defaults);
        if limits.record_bytes == 0 {
            self.on(Rule::ValueInvalid, "limits", "limits.record_bytes 0");
        }
        if defaults.partitions == 0 {
            self.on(Rule::ValueInvalid, "defaults", "defaults.partitions 0");
        }
        if duration_ms(&defaults.retention).is_none() {
            self.on(Rule::ValueInvalid, "defaults", format!("defaults.retention \"{}\"", defaults.retention));
        }
    }

    fn records(&mut self, name: &str, topic: &TopicDecl) {
        for (at, record) in topic.records.iter().enumerate() {
            let short = &record.value;
            let Some(found) = self.schemas.wire(short) else {
                self.at(Rule::RecordUnknown, record, format!("topic \"{name}\": record \"{short}\""));
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
                self.in_file(Rule::MetaFirst, &found.file, what);
            }
            if !found.body().iter().any(|field| field.name == topic.key && field.ty == Type::String) {
                let what = format!("record \"{short}\" has no string \"{}\", the key of topic \"{name}\"", topic.key);
                self.in_file(Rule::KeyMissing, &found.file, what);
            }
        }
    }

    fn writers(&mut self, name: &str, topic: &TopicDecl) {
        let writers = self.map.processors.0.iter().filter(|(_, it)| it.outputs.iter().any(|out| out.value == name));
        let writers: Vec<&str> = writers.map(|(processor, _)| processor.as_str()).collect();
        let inside = self.map.processors.0.iter().any(|(processor, _)| *processor == topic.owner);
        let fits = match topic.kind {
            Kind::Fact if inside => writers == [topic.owner.as_str()],
            Kind::Fact => writers.is_empty(),
            Kind::Command | Kind::Request | Kind::Reply => true,
        };
        if !fits {
            let writers = if writers.is_empty() { "nobody".to_owned() } else { writers.join(", ") };
            let what = format!("fact topic \"{name}\" of owner \"{}\" is written by {writers}", topic.owner);
            self.on(Rule::WriterCount, name, what);
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
