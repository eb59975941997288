//! How far each processor is: who works on it, and what waits in front of it.

use std::collections::{BTreeMap, BTreeSet};

use engine::shell::kafka::{Admin, At, Ends, Group, GroupState, KafkaSettings, Survey, Waiting};
use flow::Topology;

use crate::failure::Failure;
use crate::text::several;
use crate::topics::failed;

/// A processor at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub topology: &'static Topology,
    pub group: Group,
    pub inputs: Vec<Input>,
}

/// One input of a processor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    pub topic: &'static str,
    pub partitions: Vec<Partition>,
}

/// One partition of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partition {
    pub partition: u32,
    /// `offset_next` of the group; `None` before its first commit.
    pub committed: Option<i64>,
    pub ends: Ends,
    pub waiting: Waiting,
}

/// What waits in several partitions together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lag {
    pub records: u64,
    /// Whether they were counted; otherwise there are at most so many.
    pub exact: bool,
    /// Timestamp of the oldest in milliseconds since 1970-01-01 UTC.
    pub oldest_ms: Option<i64>,
}

impl Lag {
    /// Of all these partitions together.
    pub fn of<'p>(partitions: impl Iterator<Item = &'p Partition>) -> Lag {
        let none = Lag { records: 0, exact: true, oldest_ms: None };
        partitions.map(|it| it.waiting).fold(none, |sum, it| Lag {
            records: sum.records + it.records,
            exact: sum.exact && it.exact,
            oldest_ms: [sum.oldest_ms, it.oldest_ms].into_iter().flatten().min(),
        })
    }
}

impl Standing {
    pub fn lag(&self) -> Lag {
        Lag::of(self.inputs.iter().flat_map(|input| &input.partitions))
    }

    /// Partitions that exist beyond those that topics.yaml declares, in words: nobody reads them, and keys that belong to
    /// them by now are away from their state.
    pub fn unread(&self) -> Option<String> {
        let declared = self.topology.partitions;
        let all = self.inputs.iter().filter_map(|input| {
            let beyond = || input.partitions.iter().filter(|it| it.partition >= declared);
            let last = beyond().map(|it| it.partition).max()?;
            let records = crate::commands::lag::records(Lag::of(beyond()));
            let (topic, there) = (input.topic, last + 1);
            Some(format!(
                "topic \"{topic}\" has {there} partitions, topics.yaml says {declared}: nobody reads partitions {declared} \
                 to {last}, lag {records}"
            ))
        });
        let all: Vec<String> = all.collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    /// Tasks that somebody works on: those whose inputs are all assigned to one member.
    pub fn tasks(&self) -> usize {
        let whole = |member: &engine::shell::kafka::Member| {
            let assigned: BTreeSet<(&str, u32)> =
                member.assigned.iter().map(|(topic, task)| (topic.as_str(), *task)).collect();
            let has = |task: &u32| self.topology.inputs.iter().all(|input| assigned.contains(&(input.topic, *task)));
            (0..self.topology.partitions).filter(has).count()
        };
        self.group.members.iter().map(whole).sum()
    }

    /// Whether the group has ever committed anything.
    pub fn ever_ran(&self) -> bool {
        !self.group.members.is_empty()
            || self.inputs.iter().flat_map(|input| &input.partitions).any(|it| it.committed.is_some())
    }

    /// Who works on it, in words.
    pub fn state(&self) -> String {
        let members = several(self.group.members.len(), "member");
        match self.group.state {
            _ if !self.ever_ran() => "never ran".to_owned(),
            _ if self.group.members.is_empty() => "no members".to_owned(),
            GroupState::Rebalancing => format!("{members}, rebalancing"),
            _ => format!("{members}, {}/{} tasks", self.tasks(), self.topology.partitions),
        }
    }
}

/// Asks a cluster again and again, and counts nothing twice that has not changed.
pub struct Surveyor {
    pub admin: Admin,
    pub survey: Survey,
    topologies: Vec<&'static Topology>,
    /// By group and partition: the gap that was counted last, and what was in it.
    known: BTreeMap<(&'static str, At), (i64, i64, Waiting)>,
}

impl Surveyor {
    /// For these processors.
    pub fn open(settings: &KafkaSettings, topologies: Vec<&'static Topology>) -> anyhow::Result<Surveyor> {
        let (admin, survey) = (Admin::open(settings).map_err(failed)?, Survey::open(settings).map_err(failed)?);
        Ok(Surveyor { admin, survey, topologies, known: BTreeMap::new() })
    }

    /// Fails unless every input exists.
    pub fn check(&self) -> anyhow::Result<()> {
        let there = self.admin.topics().map_err(failed)?;
        let mut inputs = self.topologies.iter().flat_map(|topology| topology.inputs);
        match inputs.find(|input| !there.contains_key(input.topic)) {
            None => Ok(()),
            Some(input) => {
                let what = format!("topic \"{}\" does not exist", input.topic);
                Err(Failure::new("topic-missing", what, "`orderflow topics apply` creates it").into())
            }
        }
    }

    /// Every processor now. Of each partition at most `count_max` waiting records are counted.
    pub fn look(&mut self, count_max: u64) -> anyhow::Result<Vec<Standing>> {
        let names: Vec<&str> = self.topologies.iter().map(|topology| topology.name).collect();
        let groups = self.admin.groups(&names).map_err(failed)?;
        // Not as many as declared: what stands in others would be nobody's lag.
        let there = self.admin.topics().map_err(failed)?;
        let mut all = BTreeSet::new();
        let mut committed = Vec::new();
        for (topology, group) in self.topologies.iter().zip(&groups) {
            let at = partitions(topology, &there);
            // Before the ends: what is committed is never beyond them. A group that does not exist has committed nothing,
            // and a new cluster takes long to say so.
            committed.push(match group.state {
                GroupState::Dead => BTreeMap::new(),
                _ => self.survey.committed(topology.name, &at).map_err(failed)?,
            });
            all.extend(at);
        }
        let ends = self.survey.ends(&all.into_iter().collect::<Vec<_>>()).map_err(failed)?;
        let mut standings = Vec::new();
        for ((topology, group), committed) in self.topologies.clone().into_iter().zip(groups).zip(committed) {
            let mut inputs = Vec::new();
            for input in topology.inputs {
                let partitions = self.input(topology, input.topic, &committed, &ends, count_max)?;
                inputs.push(Input { topic: input.topic, partitions });
            }
            standings.push(Standing { topology, group, inputs });
        }
        Ok(standings)
    }

    fn input(
        &mut self,
        topology: &'static Topology,
        topic: &'static str,
        committed: &BTreeMap<At, i64>,
        ends: &BTreeMap<At, Ends>,
        count_max: u64,
    ) -> anyhow::Result<Vec<Partition>> {
        let mut found: Vec<Partition> = Vec::new();
        let mut gaps = Vec::new();
        let there = ends.iter().filter(|((of, _), _)| of == topic).map(|((_, partition), ends)| (*partition, *ends));
        for (partition, ends) in there {
            let at = (topic.to_owned(), partition);
            let committed = committed.get(&at).copied();
            let (from, to) = (committed.unwrap_or(ends.first).max(ends.first), ends.last_stable_offset);
            let known = self.known.get(&(topology.name, at)).filter(|known| (known.0, known.1) == (from, to));
            if known.is_none() {
                gaps.push((partition, from, to));
            }
            let waiting = known.map_or_else(Waiting::default, |known| known.2);
            found.push(Partition { partition, committed, ends, waiting });
        }
        let counted = self.survey.waiting(topic, &gaps, count_max).map_err(failed)?;
        for (partition, from, to) in gaps {
            let Some(waiting) = counted.get(&partition) else { continue };
            self.known.insert((topology.name, (topic.to_owned(), partition)), (from, to, *waiting));
            found.iter_mut().filter(|it| it.partition == partition).for_each(|it| it.waiting = *waiting);
        }
        Ok(found)
    }
}

/// Every partition of every input that is there.
fn partitions(topology: &Topology, there: &BTreeMap<String, u32>) -> Vec<At> {
    let count = |topic: &str| there.get(topic).copied().unwrap_or_default();
    let inputs = topology.inputs.iter();
    inputs.flat_map(|input| (0..count(input.topic)).map(|partition| (input.topic.to_owned(), partition))).collect()
}
