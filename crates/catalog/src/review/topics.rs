//! What a change of topics.yaml means for data that are there and for whoever is deployed.

use crate::map::{Kind, Map, Name, ProcessorDecl, TopicDecl, duration_ms};
use crate::review::fix::words;
use crate::review::model::{Finding, Level};
use crate::review::record::Sides;
use crate::review::side::Side;
use crate::review::uses::{listed, retained};

struct Topics<'s> {
    sides: Sides<'s>,
    old: &'s Map,
    new: &'s Map,
    out: Vec<Finding>,
}

/// The findings about topics and processors; none where one side has no topics.yaml.
pub fn topics(sides: Sides<'_>) -> Vec<Finding> {
    let (Some(old), Some(new)) = (&sides.before.map, &sides.after.map) else { return Vec::new() };
    let mut topics = Topics { sides, old, new, out: Vec::new() };
    topics.limits();
    for (name, topic) in &new.topics.0 {
        match find(&old.topics.0, name) {
            Some(before) => topics.topic(name, before, topic),
            None => topics.say(
                "topic-added",
                Level::Note,
                ("topics", name, None),
                format!("topic \"{name}\" is new"),
                "it has to be there before somebody starts",
                "`orderflow topics apply` before the deployment",
            ),
        }
    }
    for (name, before) in old.topics.0.iter().filter(|(name, _)| find(&new.topics.0, name).is_none()) {
        topics.removed(name, before);
    }
    for (name, processor) in &new.processors.0 {
        match find(&old.processors.0, name) {
            Some(before) => topics.processor(name, before, processor),
            None => topics.say(
                "processor-added",
                Level::Note,
                ("processors", name, None),
                format!("processor \"{name}\" is new"),
                "a new consumer group has no committed offsets and reads its inputs from their beginning",
                "nothing, if that is meant",
            ),
        }
    }
    for (name, _) in old.processors.0.iter().filter(|(name, _)| find(&new.processors.0, name).is_none()) {
        topics.gone(
            "processor-removed",
            Level::Warning,
            ("processors", name),
            format!("processor \"{name}\" is removed"),
            "its inputs are not read and its outputs not written any more; its state and changelog are left".into(),
            "stop it, and delete its internal topics when nobody wants to go back",
        );
    }
    together(topics.out)
}

/// A default is one line and many topics: one finding says it of all of them.
fn together(findings: Vec<Finding>) -> Vec<Finding> {
    let mut out: Vec<(Finding, Vec<String>)> = Vec::new();
    for finding in findings {
        let (name, said) = match finding.what.strip_prefix("topic ").and_then(|rest| rest.split_once(": ")) {
            Some((name, said)) => (name.to_owned(), said.to_owned()),
            None => (String::new(), finding.what.clone()),
        };
        let same = |(it, names): &&mut (Finding, Vec<String>)| {
            let place = (it.rule, it.line, it.before) == (finding.rule, finding.line, finding.before);
            place && !name.is_empty() && !names.is_empty() && it.what.ends_with(&format!(": {said}"))
        };
        match out.iter_mut().find(same) {
            Some((_, names)) => names.push(name),
            None => out.push((finding, if name.is_empty() { Vec::new() } else { vec![name] })),
        }
    }
    let joined = out.into_iter().map(|(mut finding, names)| {
        let said = finding.what.split_once(": ").map(|(_, said)| said.to_owned());
        if let (Some(said), true) = (said, names.len() > 1) {
            finding.what = format!("topics {}: {said}", listed(&names));
        }
        finding
    });
    joined.collect()
}

fn find<'v, V>(all: &'v [(String, V)], name: &str) -> Option<&'v V> {
    all.iter().find(|(other, _)| other == name).map(|(_, value)| value)
}

fn listed_of(names: &[&String]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        listed(&names.iter().map(|name| (*name).clone()).collect::<Vec<_>>())
    }
}

fn names(list: &[Name]) -> Vec<&String> {
    list.iter().map(|name| &name.value).collect()
}

/// Section, name and key.
type Place<'p> = (&'p str, &'p str, Option<&'p str>);

impl Topics<'_> {
    fn push(
        &mut self,
        rule: &'static str,
        level: Level,
        (line, before): (u64, bool),
        what: String,
        why: String,
        fix: &str,
    ) {
        self.out.push(Finding {
            rule,
            level,
            file: Side::map_file().to_owned(),
            line,
            before,
            records: Vec::new(),
            field: String::new(),
            what,
            why,
            breaks: Vec::new(),
            versions: Vec::new(),
            java: None,
            fix: words(fix.to_owned()),
        });
    }

    fn say(
        &mut self,
        rule: &'static str,
        level: Level,
        (section, name, key): Place<'_>,
        what: String,
        why: &str,
        fix: &str,
    ) {
        let line = self.sides.after.map_line(section, name, key);
        self.push(rule, level, (line, false), what, why.to_owned(), fix);
    }

    fn gone(
        &mut self,
        rule: &'static str,
        level: Level,
        (section, name): (&str, &str),
        what: String,
        why: String,
        fix: &str,
    ) {
        let line = self.sides.before.map_line(section, name, None);
        self.push(rule, level, (line, true), what, why, fix);
    }

    fn limits(&mut self) {
        let (before, after) = (self.old.limits.record_bytes.value, self.new.limits.record_bytes.value);
        let what = format!("records of {before} bytes were let in, now it is {after}");
        let place = ("limits", "", Some("record_bytes"));
        if after < before {
            let why = "an input or output above the limit is a dead letter from now on, those that wait included";
            self.say(
                "limit-shrunk",
                Level::Error,
                place,
                what,
                why,
                "keep it, or make sure that no record is that large",
            );
        } else if after > before {
            let why = "readers as deployed put larger ones aside as dead letters";
            self.say("limit-grown", Level::Warning, place, what, why, "deploy the readers before whoever writes more");
        }
    }

    /// What is numbered by its place may only be added to.
    fn numbered(&mut self, name: &str, key: &'static str, kind: &str, before: &[&String], after: &[&String]) {
        if after.starts_with(before) {
            return;
        }
        let (old, new) = (listed_of(before), listed_of(after));
        self.say(
            if key == "wakes" { "wakes-changed" } else { "state-changed" },
            Level::Error,
            ("processors", name, Some(key)),
            format!("processor \"{name}\": {kind} {old} are now {new}"),
            "each is stored by its number in the list: what is there would be taken for another one",
            "keep those that were there, in their order, and add new ones behind them",
        );
    }

    fn readers(&self, topic: &str) -> Vec<String> {
        let reads = |it: &&(String, ProcessorDecl)| it.1.inputs.iter().any(|input| input.value == topic);
        self.old.processors.0.iter().filter(reads).map(|(name, _)| name.clone()).collect()
    }

    fn removed(&mut self, name: &str, before: &TopicDecl) {
        let kept = retained(self.old, before);
        let readers = self.readers(name);
        let why = format!("what it holds (kept {kept}) is lost to {} and to every replay", listed(&readers));
        let fix = "stop the writers, let the readers drain it, and remove it after that";
        self.gone("topic-removed", Level::Error, ("topics", name), format!("topic \"{name}\" is removed"), why, fix);
        if let Some(found) = self.out.last_mut() {
            found.breaks = readers;
        }
    }

    fn topic(&mut self, name: &str, old: &TopicDecl, new: &TopicDecl) {
        let at = |key| ("topics", name, Some(key));
        if old.key() != new.key() {
            let what = format!("topic \"{name}\": key {} is now {}", old.key(), new.key());
            let why =
                "records of one key are in the partition of another from now on: order, state and dedup fall apart";
            self.say(
                "key-changed",
                Level::Error,
                at("key"),
                what,
                why,
                "begin a new major version of the topic with the new key",
            );
        }
        self.partitions(name, old, new);
        self.retention(name, old, new);
        if old.compacted != new.compacted {
            let (what, why) = match new.compacted {
                true => {
                    ("now compacted", "older records of a key vanish: facts are lost, and a replay gives other results")
                }
                false => (
                    "not compacted any more",
                    "keys that do not change vanish after the retention: tables restored from it lose them",
                ),
            };
            let fix = "begin a new major version of the topic with the other policy";
            self.say("cleanup-changed", Level::Error, at("compacted"), format!("topic \"{name}\" is {what}"), why, fix);
        }
        if old.owner.value != new.owner.value {
            let what = format!("topic \"{name}\": owner {} is now {}", old.owner.value, new.owner.value);
            self.say(
                "owner-changed",
                Level::Warning,
                at("owner"),
                what,
                "for a while two owners may write, each with its own state",
                "stop the old owner before the new one starts",
            );
        }
        if names(&old.readers) != names(&new.readers) {
            let (before, after) = (listed_of(&names(&old.readers)), listed_of(&names(&new.readers)));
            let what = format!("topic \"{name}\": readers outside were {before} and are now {after}");
            let why = "reviews tell who breaks by this list";
            self.say("readers-changed", Level::Note, at("readers"), what, why, "nothing, if that is so");
        }
        if old.kind != new.kind {
            let what = format!("topic \"{name}\": kind {} is now {}", word(old.kind), word(new.kind));
            self.say(
                "kind-changed",
                Level::Warning,
                at("kind"),
                what,
                "who may write and who may read it changes with the kind",
                "begin a new topic, unless nobody uses this one yet",
            );
        }
        for record in names(&old.records).into_iter().filter(|it| !names(&new.records).contains(it)) {
            let what = format!("topic \"{name}\" carries {record} no more");
            let readers = self.readers(name);
            let why = format!(
                "what it holds of {record} (kept {}) becomes dead letters for {}",
                retained(self.old, old),
                listed(&readers)
            );
            let line = self.sides.after.map_line("topics", name, Some("records"));
            self.push(
                "record-unlisted",
                Level::Error,
                (line, false),
                what,
                why,
                "keep it listed until nothing of it is retained",
            );
            if let Some(found) = self.out.last_mut() {
                found.breaks = readers;
            }
        }
    }

    /// Where a value comes from: the topic's own line, or the defaults.
    fn source<'p>(name: &'p str, own: bool, key: &'p str) -> Place<'p> {
        if own { ("topics", name, Some(key)) } else { ("defaults", "", Some(key)) }
    }

    fn partitions(&mut self, name: &str, old: &TopicDecl, new: &TopicDecl) {
        let count = |map: &Map, it: &TopicDecl| it.partitions.as_ref().unwrap_or(&map.defaults.partitions).value;
        let (before, after) = (count(self.old, old), count(self.new, new));
        if before != after {
            let what = format!("topic \"{name}\": {before} partitions are now {after}");
            let why = "a key moves to another partition, away from its state and from what is before it in order";
            let place = Self::source(name, new.partitions.is_some() || old.partitions.is_some(), "partitions");
            self.say(
                "partitions-changed",
                Level::Error,
                place,
                what,
                why,
                "keep the number and scale by instances, or begin a new major version of the topic",
            );
        }
    }

    fn retention(&mut self, name: &str, old: &TopicDecl, new: &TopicDecl) {
        let text = |map: &Map, it: &TopicDecl| it.retention.as_ref().unwrap_or(&map.defaults.retention).value.clone();
        let (before, after) = (text(self.old, old), text(self.new, new));
        let (Some(before_ms), Some(after_ms)) = (duration_ms(&before), duration_ms(&after)) else { return };
        let place = Self::source(name, new.retention.is_some() || old.retention.is_some(), "retention");
        let what = format!("topic \"{name}\": retention {before} is now {after}");
        if after_ms < before_ms {
            let why = "the broker deletes what is older as soon as it is applied: a replay reaches less far back";
            self.say(
                "retention-shrunk",
                Level::Warning,
                place,
                what,
                why,
                "make sure that no replay, and no reader that lags, needs it",
            );
        } else if after_ms > before_ms {
            self.say("retention-grown", Level::Note, place, what, "it takes more disk", "nothing, if that is meant");
        }
    }

    fn processor(&mut self, name: &str, old: &ProcessorDecl, new: &ProcessorDecl) {
        let at = |key| ("processors", name, Some(key));
        let (before, after) = (names(&old.inputs), names(&new.inputs));
        for topic in after.iter().filter(|it| !before.contains(it)) {
            self.say("input-added", Level::Warning, at("in"), format!("processor \"{name}\" reads {topic}"), "its group has no committed offset there, but state: it refuses to start, or reads the topic from the beginning", "set where it begins with `orderflow reset`");
        }
        for topic in before.iter().filter(|it| !after.contains(it)) {
            self.say(
                "input-removed",
                Level::Warning,
                at("in"),
                format!("processor \"{name}\" reads {topic} no more"),
                "what it has not read yet is left there",
                "let it drain the topic before the deployment",
            );
        }
        let (before, after) = (names(&old.outputs), names(&new.outputs));
        for topic in after.iter().filter(|it| !before.contains(it)) {
            self.say(
                "output-added",
                Level::Note,
                at("out"),
                format!("processor \"{name}\" writes {topic}"),
                "readers see records of one more writer",
                "nothing, if that is meant",
            );
        }
        for topic in before.iter().filter(|it| !after.contains(it)) {
            self.say(
                "output-removed",
                Level::Warning,
                at("out"),
                format!("processor \"{name}\" writes {topic} no more"),
                "whoever reads it waits for what does not come",
                "deploy its readers first",
            );
        }
        self.state(name, old, new);
        self.numbered(name, "wakes", "wakes", &names(&old.wakes), &names(&new.wakes));
        let (before, after) = (names(&old.replies), names(&new.replies));
        for record in after.iter().filter(|it| !before.contains(it)) {
            let what = format!("processor \"{name}\" replies {record}");
            self.say(
                "reply-added",
                Level::Note,
                at("replies"),
                what,
                "somebody asks and hears something new",
                "tell them",
            );
        }
        for record in before.iter().filter(|it| !after.contains(it)) {
            let what = format!("processor \"{name}\" replies {record} no more");
            let why = "whoever asked may wait for it";
            self.say("reply-removed", Level::Warning, at("replies"), what, why, "make sure that another answer comes");
        }
        if old.dedup.duplicates != new.dedup.duplicates {
            let what = format!("processor \"{name}\": what happens to duplicates has changed");
            let why = "a command that is sent again is answered, or dropped, otherwise than before";
            self.say(
                "dedup-changed",
                Level::Warning,
                at("duplicates"),
                what,
                why,
                "tell whoever sends again and waits",
            );
        }
        let window = |it: &ProcessorDecl| duration_ms(&it.dedup.window.value);
        if window(new) < window(old) {
            let what = format!(
                "processor \"{name}\": dedup window {} is now {}",
                old.dedup.window.value, new.dedup.window.value
            );
            self.say(
                "window-shrunk",
                Level::Warning,
                at("window"),
                what,
                "what is older than the window becomes a dead letter",
                "make sure that nothing comes that late",
            );
        }
        fn by(it: &ProcessorDecl) -> Vec<(&String, Vec<&String>)> {
            it.dedup.by.0.iter().map(|(topic, fields)| (topic, names(fields))).collect()
        }
        if by(old) != by(new) {
            let what = format!("processor \"{name}\": what identifies an input has changed");
            self.say(
                "dedup-changed",
                Level::Warning,
                at("by"),
                what,
                "a duplicate of something older is not known as one",
                "change it when no duplicates are to be expected",
            );
        }
    }

    fn state(&mut self, name: &str, old: &ProcessorDecl, new: &ProcessorDecl) {
        let tables = |it: &ProcessorDecl| -> Vec<(String, String)> {
            let state = it.state.as_ref();
            let record = state.map(|state| (String::new(), state.record.value.clone()));
            let tables = state
                .into_iter()
                .flat_map(|it| it.tables.0.iter().map(|(name, path)| (name.clone(), path.value.clone())));
            record.into_iter().chain(tables).collect()
        };
        let (before, after) = (tables(old), tables(new));
        // One that is gone is told below. The record itself has no name.
        if before.iter().all(|(table, _)| after.iter().any(|(other, _)| other == table)) {
            let [old, new] = [&before, &after].map(|tables| -> Vec<&String> {
                tables.iter().map(|(name, _)| name).filter(|name| !name.is_empty()).collect()
            });
            self.numbered(name, "state", "tables", &old, &new);
        }
        for (table, path) in &before {
            let other = after.iter().find(|(name, _)| name == table).map(|(_, path)| path);
            let kind = if table.is_empty() { "state".to_owned() } else { format!("table \"{table}\"") };
            let what = match other {
                Some(other) if other == path => continue,
                Some(other) => format!("processor \"{name}\": {kind} {path} is now {other}"),
                None => format!("processor \"{name}\": {kind} {path} is removed"),
            };
            self.say(
                "state-changed",
                Level::Error,
                ("processors", name, Some("state")),
                what,
                "what it remembers in the changelog and in its stores has no schema any more",
                "keep it, and let the new version write the new one beside it",
            );
        }
    }
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Command => "command",
        Kind::Request => "request",
        Kind::Fact => "fact",
        Kind::Reply => "reply",
    }
}
