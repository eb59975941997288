//! Where a task's inputs go on: the group's committed offsets, held against the task's own record and the inputs' bounds.

use flow::Topology;

use crate::core::record::TaskRecord;
use crate::shell::transport::{Mark, Position};

use super::Internal;

/// Why a restored task is not opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Doubt {
    /// It may have been read a moment too early.
    Again(String),
    /// Going on would skip records, handle them twice or lose state.
    Never(String),
}

/// What a restore knows before it touches the store.
pub(super) struct Evidence<'a> {
    pub topology: &'static Topology,
    pub names: &'a Internal,
    pub task: u32,
    pub changelog_id: String,
    /// By input.
    pub committed: Vec<Option<Position>>,
    /// First offset and high watermark, by input.
    pub bounds: Vec<(i64, i64)>,
}

/// Where an input stands, and up to where nothing follows.
#[derive(Debug, Clone, Copy)]
struct At {
    offset_next: i64,
    passed_to: i64,
}

impl At {
    fn only(offset_next: i64) -> At {
        At { offset_next, passed_to: offset_next }
    }
}

impl Evidence<'_> {
    /// Where each input stands and where it is read from. `record`: what the changelog says; `had_state`: a store says that there was a record.
    pub fn positions(&self, record: Option<&TaskRecord>, had_state: bool) -> Result<Vec<(i64, i64)>, Doubt> {
        let at = match record {
            Some(record) => self.of_record(record)?,
            None => self.without_record(had_state)?,
        };
        at.into_iter().enumerate().map(|(input, at)| self.within(input, at)).collect()
    }

    fn topic(&self, input: usize) -> &'static str {
        self.topology.inputs[input].topic
    }

    fn of_record(&self, record: &TaskRecord) -> Result<Vec<At>, Doubt> {
        let (changelog, was, is) = (&self.names.changelog, &record.changelog_id, &self.changelog_id);
        if was != is {
            let what = format!("\"{changelog}\" was deleted and created again under it (id {was}, now {is})");
            return Err(Doubt::Never(self.incomplete(&format!("{what}: what was written before is missing there"))));
        }
        let (mut at, mut missing, mut differ) = (Vec::new(), Vec::new(), Vec::new());
        for (input, committed) in self.committed.iter().enumerate() {
            let topic = self.topic(input);
            let known = record
                .input(topic)
                .map(|known| At { offset_next: known.offset_next, passed_to: known.passed_to.max(known.offset_next) });
            let here = match (known, committed) {
                (Some(known), Some(committed)) if self.is_skip(input, known.offset_next, *committed) => {
                    let (processor, task) = (self.topology.name, self.task);
                    let (from, to) = (known.offset_next, committed.offset_next);
                    tracing::warn!(processor, task, topic, "{from}..{to} was deleted unread and is skipped, as asked");
                    At::only(to)
                }
                (Some(known), Some(committed)) => {
                    if known.offset_next != committed.offset_next {
                        let (state, group) = (known.offset_next, committed.offset_next);
                        differ.push(format!("{topic}: committed {group}, the state stands at {state}"));
                    }
                    known
                }
                (Some(known), None) => {
                    missing.push(format!("{topic} at {}", known.offset_next));
                    known
                }
                (None, Some(committed)) => At::only(committed.offset_next),
                (None, None) => return Err(Doubt::Never(self.new_input(topic))),
            };
            at.push(here);
        }
        if !differ.is_empty() {
            return Err(Doubt::Again(self.foreign(&differ)));
        }
        // A transaction of timers moves no input: only its number of events tells that it is missing.
        if let Some(events) = self.events().filter(|events| *events > record.events) {
            return Err(Doubt::Again(self.lacking(events, record.events)));
        }
        if !missing.is_empty() {
            let (processor, task, missing) = (self.topology.name, self.task, missing.join(", "));
            tracing::warn!(
                processor,
                task,
                "the group's committed offsets are gone; going on where the task's own record stands: {missing}"
            );
        }
        Ok(at)
    }

    /// How many events the task had handled when it last committed; `None` where nothing says it, as an older build wrote.
    fn events(&self) -> Option<u64> {
        let noted = self.committed.iter().flatten().filter_map(|committed| match committed.mark {
            Mark::Events(events) => Some(events),
            _ => None,
        });
        noted.max()
    }

    /// An operator has given up what lies before the input's first offset, and no more.
    fn is_skip(&self, input: usize, state: i64, Position { offset_next, mark }: Position) -> bool {
        mark == Mark::Skip && state < offset_next && offset_next <= self.bounds[input].0
    }

    /// A task that never committed, or one that a reset emptied. Committed offsets without a record are neither: the
    /// changelog has lost what they stand for.
    fn without_record(&self, had_state: bool) -> Result<Vec<At>, Doubt> {
        let mut at = Vec::new();
        for (input, committed) in self.committed.iter().enumerate() {
            let topic = self.topic(input);
            at.push(match committed {
                Some(Position { offset_next, mark }) if *mark == Mark::Reset || *offset_next == 0 => {
                    At::only(*offset_next)
                }
                Some(Position { offset_next, .. }) => {
                    let what = format!("the group has committed {offset_next} of {topic}");
                    return Err(self.nothing_logged(&what));
                }
                None if had_state => return Err(self.nothing_logged("there is a store with state")),
                None => At::only(self.bounds[input].0),
            });
        }
        Ok(at)
    }

    /// Records may have been deleted before they were read. Markers are none: a consumer that has passed them says so.
    fn within(&self, input: usize, at: At) -> Result<(i64, i64), Doubt> {
        let (topic, task, (start, end)) = (self.topic(input), self.task, self.bounds[input]);
        if at.offset_next > end {
            return Err(Doubt::Again(format!(
                "task {task}: {topic} ends at {end}, before the position {}: it was truncated, or deleted and created \
                 again; nothing was read; hint: docs/OPERATIONS.md, \"A task that does not open\"",
                at.offset_next
            )));
        }
        if at.offset_next >= start {
            return Ok((at.offset_next, at.offset_next));
        }
        if at.passed_to >= start {
            let (processor, from) = (self.topology.name, at.offset_next);
            tracing::warn!(processor, task, topic, "{from}..{start} was deleted, and held no record; going on there");
            return Ok((at.offset_next, start));
        }
        let (from, last) = (at.offset_next.max(at.passed_to), start - 1);
        Err(Doubt::Never(format!(
            "task {task}: offsets {from} to {last} of {topic} were deleted before they were read; whether there were \
             records among them cannot be shown; nothing was read or changed; \
             hint: docs/OPERATIONS.md, \"A task that does not open\""
        )))
    }

    fn nothing_logged(&self, what: &str) -> Doubt {
        let Internal { changelog, .. } = self.names;
        Doubt::Again(self.incomplete(&format!("{what}, and \"{changelog}\" holds nothing of this task")))
    }

    fn incomplete(&self, what: &str) -> String {
        format!(
            "task {}: {what}; the stores on the instances' disks are kept, they may be the last copy; \
             hint: stop its instances, then `orderflow state publish {} --data DIR` shows what it would write anew from their \
             stores; docs/OPERATIONS.md, \"A task that does not open\"",
            self.task, self.topology.name
        )
    }

    fn foreign(&self, differ: &[String]) -> String {
        let (task, group) = (self.task, self.topology.name);
        format!(
            "task {task}: the committed offsets of group \"{group}\" are not where the state stands ({}): another member \
             or a tool has committed; nothing was read; \
             hint: find it (`kafka-consumer-groups.sh --describe --members --group {group}`), stop it and the processor, \
             then delete the group's offsets of these topics: the task goes on where its state stands",
            differ.join("; ")
        )
    }

    /// Why a store with this record is not the task's last one.
    pub fn behind(&self, record: &TaskRecord) -> Option<String> {
        let mut behind = Vec::new();
        for (number, (input, committed)) in self.topology.inputs.iter().zip(&self.committed).enumerate() {
            let stands = record.input(input.topic).map_or(0, |known| known.offset_next);
            if let Some(committed) = committed
                && stands < committed.offset_next
                && !self.is_skip(number, stands, *committed)
            {
                behind.push(format!(
                    "{}: committed {}, the store stands at {stands}",
                    input.topic, committed.offset_next
                ));
            }
        }
        if let Some(events) = self.events().filter(|events| *events > record.events) {
            behind.push(format!("events: committed {events}, the store stands at {}", record.events));
        }
        (!behind.is_empty()).then(|| {
            format!(
                "task {}: this store is older than the committed offsets ({}): the task was at work elsewhere since, or the \
                 disk came back with less; it is not written; hint: name the folder of the instance that had the task last",
                self.task,
                behind.join("; ")
            )
        })
    }

    /// Somebody has written the task's record meanwhile.
    pub fn taken(&self) -> String {
        let (task, processor, changelog) = (self.task, self.topology.name, &self.names.changelog);
        format!(
            "task {task}: \"{changelog}\" holds a record of this task that is not this store's, or belongs to an earlier \
             topic: the task wrote on after the topic was deleted, so that a part is there; nothing is written over it; \
             hint: where this store is the last copy, delete \"{changelog}\", run `orderflow topics apply`, then \
             `orderflow state publish {processor}` again"
        )
    }

    /// The store may lack a part.
    pub fn torn(&self) -> String {
        format!(
            "task {}: this store was not closed as a whole: a crash, or a restore that was cut off, may have left its last \
             dedup chunks or rows out; it is not written; hint: name the folder of another instance that had the task; \
             --accept-loss writes it all the same",
            self.task
        )
    }

    fn lacking(&self, committed: u64, state: u64) -> String {
        let (task, group, changelog) = (self.task, self.topology.name, &self.names.changelog);
        format!(
            "task {task}: the offsets of group \"{group}\" were committed with {committed} events handled, the state stands at \
             {state}: the last transactions, of timers alone, are missing in \"{changelog}\", which lags or was truncated; \
             nothing was read; hint: docs/OPERATIONS.md, \"A task that does not open\""
        )
    }

    fn new_input(&self, topic: &str) -> String {
        let (task, changelog) = (self.task, &self.names.changelog);
        format!(
            "task {task} has state in \"{changelog}\" but no position of {topic}, neither committed nor in its own \
             record; hint: a new input of a processor that has state needs `orderflow reset`, which says first what it \
             would lose"
        )
    }

    /// Bytes that are not what they stand for.
    pub fn unreadable(&self, what: &str) -> String {
        let (task, changelog) = (self.task, &self.names.changelog);
        format!(
            "task {task}: {what} in \"{changelog}\" is of a format that this build does not know; \
             hint: a newer build wrote it; run that one"
        )
    }
}
