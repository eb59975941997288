//! The transaction's end: commit when it is due, a full stop backwards when it fails.

use crate::core::counts::Committed;
use crate::core::io::{Action, Failure, Logged, Now, Store};
use crate::core::keys::{self, Wake};
use crate::core::order::positions_key;

use super::{RECENT, Task, Trouble, Worker};

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
            let clocks = task.clocks();
            task.building.0.insert(keys::task(), Some(clocks));
            for (key, value) in &task.building.0 {
                actions.push(Action::Changelog { task: task.id, key: key.clone(), value: value.clone() });
            }
            let key = positions_key(&task.names, &task.standing.positions);
            for window in &mut task.windows {
                let record = |value| Action::DedupLog { task: task.id, key: key.clone(), value };
                actions.extend(window.seal().into_iter().map(record));
            }
            if task.follow.is_none() && !task.order.steps.is_empty() {
                task.note_code(&self.version);
                actions.push(Action::OrderLog { task: task.id, value: task.order.encode() });
            }
            offsets.extend(task.standing.positions.iter().enumerate().map(|(input, next)| (task.id, input, *next)));
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
        if self.recent.len() < RECENT {
            let (records, bytes) = (self.sealed.records as u64, self.sealed.bytes as u64);
            self.recent.push(Committed { records, bytes, took_us });
        }
        let none = Logged::default();
        for task in self.tasks.values_mut().filter(|task| task.in_flight) {
            let logged = logged.iter().find(|logged| logged.task == task.id).unwrap_or(&none);
            actions.push(Action::ApplyToStore(task.committed(logged)));
        }
        self.forget_trouble();
        actions.append(&mut self.waiting);
    }

    /// Abort is a full stop backwards.
    pub(super) fn failed(&mut self, failure: &Failure, store: &dyn Store, actions: &mut Vec<Action>) {
        self.counts.aborts += 1;
        self.note_refusal(failure, actions);
        self.open = None;
        self.in_flight_us = None;
        self.waiting.clear();
        self.flush = false;
        actions.push(Action::Abort);
        for task in self.tasks.values_mut() {
            task.abort(store);
            for (input, offset_next) in task.standing.positions.iter().enumerate() {
                actions.push(Action::Seek { task: task.id, input, offset_next: *offset_next });
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

    /// What the broker refused lies behind when every task has passed it, or is gone.
    fn forget_trouble(&mut self) {
        let tasks = &self.tasks;
        self.condemned.retain(|(id, input, offset), _| {
            tasks.get(id).is_some_and(|task| task.committed.positions[*input] <= *offset)
        });
        let passed = self.trouble.positions.iter().all(|(id, before)| {
            tasks.get(id).is_none_or(|task| task.committed.positions.iter().zip(before).all(|(now, then)| now >= then))
        });
        let fired =
            self.trouble.timers.iter().all(|(id, last)| tasks.get(id).is_none_or(|task| task.wakes_from >= *last));
        if passed && fired {
            self.trouble = Trouble::default();
        }
    }

    /// A refused record is isolated, then set aside; refusals that no record explains stop the worker.
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
        let moved: Vec<(u32, usize, i64)> = self
            .tasks
            .values()
            .flat_map(|task| {
                let pairs = task.standing.positions.iter().zip(&task.committed.positions).enumerate();
                pairs.filter(|(_, (now, then))| now > then).map(|(input, (now, _))| (task.id, input, now - 1))
            })
            .collect();
        if let [place] = moved[..]
            && !self.condemned.contains_key(&place)
        {
            self.condemned.insert(place, why.clone());
        } else if self.trouble.refusals >= 3 {
            let records = moved
                .iter()
                .map(|(task, input, offset)| format!("{}/{task} at {offset}", self.topology.inputs[*input].topic));
            let timers = timers.iter().filter_map(|(task, wake)| {
                let wake = Wake::decode(wake)?;
                Some(format!("task {task}'s timer of key \"{}\" due at {}", wake.key, wake.due_ms))
            });
            let places: Vec<String> = records.chain(timers).collect();
            actions.push(Action::Stop(format!("three aborts without a cause at {}: {why}", places.join(", "))));
        }
    }
}
