//! Whose turn it is: records in the order they came, or in the order of the history after a reset.

use crate::core::follow::{Follow, HistoryGap, Inputs};
use crate::core::io::Action;
use crate::core::order::Step;
use crate::core::task::{Held, Task};
use flow::Code;

use super::{Worker, perhaps_ahead};

impl Worker {
    /// Whose turn is it among the records at hand?
    pub(super) fn turn(&mut self, id: u32) -> Result<Turn, HistoryGap> {
        let wall_ms = self.clock.wall_ms(self.now);
        let topology = self.topology;
        let Some(task) = self.tasks.get_mut(&id) else { return Ok(Turn::Wait) };
        if task.follow.as_ref().is_some_and(|past| past.at_end && past.front().is_none()) && task.is_behind() {
            return Err(HistoryGap::End { task: id });
        }
        let Task { follow, standing, held, passed, names, order, .. } = task;
        let Some(past) = follow else {
            let can_go = |held: &Held| !perhaps_ahead(held.timestamp_ms(), wall_ms, self.now);
            let next = (0..held.len()).find(|input| held[*input].front().is_some_and(can_go));
            return Ok(next.map_or(Turn::Wait, |input| Turn::Take { input, recorded: None }));
        };
        if past.stopped {
            return Ok(Turn::Wait);
        }
        let of = Inputs { task: id, topology, names };
        let Some(step) = past.front().cloned() else {
            if !past.at_end {
                return Ok(Turn::Wait);
            }
            // The past is over: what is recorded from here on begins at these positions.
            *follow = None;
            order.begin.clone_from(&standing.positions);
            order.steps.clear();
            return Ok(Turn::Again);
        };
        let Some((input, offset_next)) = step.moves() else {
            if let Step::Clock { now_ms } = step {
                standing.clock_ms = standing.clock_ms.max(now_ms);
            }
            past.done(of)?;
            return Ok(Turn::Again);
        };
        let position = standing.positions[input];
        let flow::Input { topic, compacted, .. } = topology.inputs[input];
        if position >= offset_next {
            past.done(of)?;
            return Ok(Turn::Again);
        }
        // Where the next record lies, or where the consumer has gone to without meeting one.
        let (delivered, reached) = (held[input].front().map(Held::offset), passed[input].read_from(position));
        if delivered.unwrap_or(reached) >= offset_next {
            if !compacted {
                return Err(HistoryGap::Gone { task: id, topic, offset: offset_next - 1 });
            }
            // Compaction took the rest of the step.
            standing.positions[input] = offset_next;
            past.done(of)?;
            return Ok(Turn::Again);
        }
        let Some(offset) = delivered else { return Ok(Turn::Wait) };
        let recorded = match step {
            _ if offset + 1 != offset_next => None,
            Step::Ahead { .. } => Some(Code::TimeAhead),
            Step::Refused { .. } => Some(Code::OutputRefused),
            Step::Unknown { .. } => Some(Code::SchemaUnknown),
            _ => None,
        };
        past.count(input, position);
        Ok(Turn::Take { input, recorded })
    }

    pub(super) fn order_page(&mut self, id: u32, page: Vec<(i64, Vec<u8>)>, actions: &mut Vec<Action>) {
        let topology = self.topology;
        let Some(Task { follow: Some(past), names, standing, .. }) = self.tasks.get_mut(&id) else { return };
        self.eager = true;
        let of = Inputs { task: id, topology, names };
        if let Err(gap) = past.take_page(of, page, &standing.positions) {
            self.quarantine(id, &gap, actions);
        }
    }

    /// The task goes no further: what it would have to repeat cannot be repeated.
    pub(super) fn quarantine(&mut self, id: u32, gap: &HistoryGap, actions: &mut Vec<Action>) {
        if let Some(task) = self.tasks.get_mut(&id) {
            task.follow = Some(Follow::stopped());
        }
        let hint = "the inputs or the history have lost records that they had, and nothing is guessed";
        actions.push(Action::Quarantine { task: id, why: format!("{gap}; hint: {hint}") });
    }

    pub(super) fn read_order(&mut self, id: u32, actions: &mut Vec<Action>) {
        if let Some(past) = self.tasks.get_mut(&id).and_then(|task| task.follow.as_mut())
            && !(past.asked || past.at_end || past.stopped)
            && past.front().is_none()
        {
            past.asked = true;
            actions.push(Action::ReadOrder { task: id, from: past.read_next });
        }
    }
}

/// What to do next.
pub(super) enum Turn {
    Take { input: usize, recorded: Option<Code> },
    Again,
    Wait,
}
