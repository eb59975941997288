//! The transaction's end: commit when it is due, a full stop backwards when it fails.

use crate::core::counts::Committed;
use crate::core::io::{Action, Failure, Logged, Now, Stand, Store};
use crate::core::keys::{self, Wake};

use super::{Place, RECENT, STOPPED_ABORTS, STOPPED_US, Streak, Task, Trouble, Worker};

/// Inputs that an error names, at most.
const PLACES: usize = 8;

impl Worker {
    pub(super) fn commit_if_due(&mut self, drained: bool, actions: &mut Vec<Action>) {
        if self.in_flight_us.is_some() {
            return;
        }
        let Some(open) = self.open else {
            self.flush = false;
            return;
        };
        let age_us = self.now.mono_us.saturating_sub(open.began_us);
        if self.flush || self.full() || self.pace.due(age_us, drained, &self.limits) {
            self.commit(actions);
        }
    }

    pub(super) fn commit(&mut self, actions: &mut Vec<Action>) {
        let mut offsets = Vec::new();
        for task in self.tasks.values_mut().filter(|task| task.dirty) {
            let record = task.record();
            task.building.0.insert(keys::task(), Some(record));
            for (key, value) in &task.building.0 {
                actions.push(Action::Changelog { task: task.id, key: key.clone(), value: value.clone() });
            }
            let id = task.id;
            let record = |(key, value)| Action::Changelog { task: id, key, value };
            actions.extend(task.seal_ids().into_iter().map(record));
            if task.follow.is_none() && !task.order.steps.is_empty() {
                task.note_code(&self.version);
                actions.push(Action::OrderLog { task: task.id, value: task.order.encode() });
            }
            let (id, events) = (task.id, task.standing.events);
            let stand = |(input, next): (usize, &i64)| Stand { task: id, input, offset_next: *next, events };
            offsets.extend(task.standing.positions.iter().enumerate().map(stand));
            task.seal();
        }
        self.sealed = self.open.take().unwrap_or_default();
        self.flush = false;
        actions.push(Action::SendOffsets(offsets));
        actions.push(Action::Commit);
        self.in_flight_us = Some(self.now.mono_us);
    }

    pub(super) fn committed(&mut self, now: Now, logged: &[Logged], actions: &mut Vec<Action>) {
        self.read_clock(now);
        let Some(since_us) = self.in_flight_us.take() else { return };
        let took_us = now.mono_us.saturating_sub(since_us);
        self.pace.measured(took_us);
        self.counts.commits += 1;
        self.streak = Streak::default();
        if self.recent.len() < RECENT {
            let (records, bytes) = (self.sealed.records as u64, self.sealed.bytes as u64);
            self.recent.push(Committed { records, bytes, took_us });
        }
        for task in self.tasks.values_mut().filter(|task| task.in_flight) {
            let logged = logged.iter().find(|logged| logged.task == task.id).copied();
            actions.push(Action::ApplyToStore(task.committed(logged)));
        }
        self.forget_trouble();
        actions.append(&mut self.waiting);
    }

    /// Abort is a full stop backwards.
    pub(super) fn failed(&mut self, failure: &Failure, store: &dyn Store, actions: &mut Vec<Action>) {
        self.counts.aborts += 1;
        self.note_abort(failure, actions);
        self.note_refusal(failure, actions);
        self.open = None;
        self.in_flight_us = None;
        self.waiting.clear();
        self.flush = false;
        actions.push(Action::Abort);
        for task in self.tasks.values_mut() {
            task.abort(store);
            for input in 0..task.standing.positions.len() {
                actions.push(Action::Seek { task: task.id, input, offset_next: task.read_from(input) });
                // Paused or not: a fault may have come between a decision and its being carried out.
                task.paused[input] = false;
                actions.push(Action::Resume { task: task.id, input });
            }
        }
        let ids: Vec<u32> = self.tasks.keys().copied().collect();
        for id in ids {
            self.read_order(id, actions);
        }
    }

    /// Aborts that lead nowhere end the worker, naming what was in hand.
    fn note_abort(&mut self, failure: &Failure, actions: &mut Vec<Action>) {
        if !self.busy() {
            return;
        }
        if self.streak.aborts == 0 {
            self.streak.since_us = self.now.mono_us;
        }
        self.streak.aborts = self.streak.aborts.saturating_add(1);
        let in_hand = self.tasks.values().filter(|task| task.dirty || task.in_flight).map(|task| task.id);
        self.streak.tasks.extend(in_hand);
        self.streak.why = format!("{failure}; in hand: {}", self.in_hand());
        if self.streak.aborts >= STOPPED_ABORTS && self.streak_us() >= STOPPED_US {
            let (why, seconds) = (&self.streak.why, self.streak_us() / 1_000_000);
            actions.push(Action::Stop(format!(
                "{} aborts in {seconds} s without a commit: {why}; hint: look at these records and at the broker's log; \
                 `orderflow doctor` compares the topics with topics.yaml",
                self.streak.aborts
            )));
        }
    }

    /// The records of the transaction: "topic/task at offset", or from the first to the last of them.
    fn in_hand(&self) -> String {
        let mut places = Vec::new();
        for task in self.tasks.values() {
            let pairs = task.committed.positions.iter().zip(&task.standing.positions).enumerate();
            for (input, (first, next)) in pairs.filter(|(_, (first, next))| first < next) {
                let topic = self.topology.inputs[input].topic;
                let last = next - 1;
                let at = if *first == last { first.to_string() } else { format!("{first} to {last}") };
                places.push(format!("{topic}/{} at {at}", task.id));
            }
        }
        let more = places.len().saturating_sub(PLACES);
        places.truncate(PLACES);
        if more > 0 {
            places.push(format!("{more} more"));
        }
        if places.is_empty() { "timers only".to_owned() } else { places.join(", ") }
    }

    /// What the broker refused lies behind when every task has passed it, or is gone.
    fn forget_trouble(&mut self) {
        let tasks = &self.tasks;
        let ahead =
            |(id, input, offset): &Place| tasks.get(id).is_some_and(|task| task.committed.positions[*input] <= *offset);
        self.condemned.retain(|place, _| ahead(place));
        self.stubs.retain(ahead);
        let passed = self.trouble.positions.iter().all(|(id, before)| {
            tasks.get(id).is_none_or(|task| task.committed.positions.iter().zip(before).all(|(now, then)| now >= then))
        });
        let fired =
            self.trouble.timers.iter().all(|(id, last)| tasks.get(id).is_none_or(|task| task.wakes_from >= *last));
        if passed && fired {
            self.trouble = Trouble::default();
        }
    }

    /// A refused record is isolated, then set aside, as a stub where its letter is refused as well; refusals that no
    /// record explains stop the worker.
    pub(super) fn note_refusal(&mut self, failure: &Failure, actions: &mut Vec<Action>) {
        let Failure::Refused(why) = failure else { return };
        self.trouble.refusals += 1;
        let only_fired =
            |task: &&Task| (task.dirty || task.in_flight) && task.standing.positions == task.committed.positions;
        let timers: Vec<(u32, Vec<u8>)> =
            self.tasks.values().filter(only_fired).map(|task| (task.id, task.wakes_from.clone())).collect();
        if self.trouble.refusals == 1 {
            let reached = self.tasks.values().filter(|task| task.standing != task.committed);
            self.trouble.positions = reached.map(|task| (task.id, task.standing.positions.clone())).collect();
            self.trouble.timers = timers;
            return;
        }
        let moved: Vec<Place> = self
            .tasks
            .values()
            .flat_map(|task| {
                let pairs = task.standing.positions.iter().zip(&task.committed.positions).enumerate();
                pairs.filter(|(_, (now, then))| now > then).map(|(input, (now, _))| (task.id, input, now - 1))
            })
            .collect();
        let isolated = match moved[..] {
            // Nothing but its letter was refused: a smaller one is left to be tried.
            [place] if self.last_letter == Some(place) => self.stubs.insert(place),
            [place] => self.condemned.insert(place, why.clone()).is_none(),
            _ => false,
        };
        if !isolated && self.trouble.refusals >= 3 {
            let records = moved.iter().map(|(task, input, offset)| {
                (*task, format!("{}/{task} at {offset}", self.topology.inputs[*input].topic))
            });
            let timers = timers.iter().filter_map(|(task, wake)| {
                let wake = Wake::decode(wake)?;
                Some((*task, format!("task {task}'s timer of key \"{}\" due at {}", wake.key, wake.due_ms)))
            });
            // Isolated as they are by now, it is one record or one timer: its task stops, the others go on.
            let Some((task, place)) = records.chain(timers).next() else {
                return actions.push(Action::Stop(format!("three aborts of a transaction without a record: {why}")));
            };
            actions.push(Action::Quarantine { task, why: format!("three aborts without a cause at {place}: {why}") });
        }
    }
}
