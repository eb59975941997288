//! What is there and should not be, or differs where nothing here would touch it.

use std::collections::{BTreeMap, BTreeSet};

use crate::TopicSpec;
use crate::plan::{Drift, Live, Plan, Wish, keep};

/// What the engine calls the topics that it keeps beside a processor.
const INTERNAL: [&str; 3] = ["changelog", "order", "dlq"];

impl Plan {
    /// Settings of a declared topic that topics.yaml says nothing about.
    pub(super) fn besides(&mut self, spec: &TopicSpec, live: &Live, wish: Wish) {
        if live.replicas < wish.replicas {
            let plural = if live.replicas == 1 { "" } else { "s" };
            self.drift.push(Drift {
                topic: spec.name.clone(),
                what: format!("has {} replica{plural}, {} are wanted", live.replicas, wish.replicas),
                why: "replicas move data between brokers: kafka-reassign-partitions does it, at a pace that you choose"
                    .into(),
            });
        }
        let own = live.config.iter().filter(|(name, setting)| setting.own && !spec.config.contains_key(*name));
        for (name, setting) in own {
            let why = "somebody set it on the topic; topics.yaml says nothing of it, so it stays".to_owned();
            let what = format!("{} is set", keep::said(name, &setting.value));
            self.drift.push(Drift { topic: spec.name.clone(), what, why });
        }
    }

    /// Topics that nothing declares: named when they look like ours, counted when they do not.
    pub(super) fn undeclared(&mut self, declared: &[TopicSpec], found: &BTreeMap<String, Live>) {
        let names: BTreeSet<&str> = declared.iter().map(|spec| spec.name.as_str()).collect();
        let nouns: BTreeSet<&str> = names.iter().filter_map(|name| noun(name)).collect();
        for topic in found.keys().filter(|name| !names.contains(name.as_str())) {
            let internal = topic.rsplit_once('-').filter(|(_, suffix)| INTERNAL.contains(suffix));
            let (what, why) = if let Some((processor, suffix)) = internal {
                let what = format!("is the {suffix} of processor \"{processor}\", which topics.yaml does not have");
                (what, "the processor was renamed or removed: delete the topic when nobody needs what it holds")
            } else if noun(topic).is_some_and(|noun| nouns.contains(noun)) {
                let what = "is another major version of a declared topic".to_owned();
                (what, "the move to the declared version may not be over: delete it when its readers are gone")
            } else {
                self.foreign += 1;
                continue;
            };
            self.drift.push(Drift { topic: topic.clone(), what, why: why.into() });
        }
    }
}

/// The topic's name without its major version.
fn noun(name: &str) -> Option<&str> {
    let (noun, major) = name.rsplit_once(".v")?;
    (!major.is_empty() && major.bytes().all(|digit| digit.is_ascii_digit())).then_some(noun)
}
