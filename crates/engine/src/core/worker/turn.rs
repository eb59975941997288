//! Whose turn it is: records in the order they came, or in the recorded order after a reset.

use crate::core::io::Action;
use crate::core::order::{Step, Steps};
use crate::core::task::{Follow, Held};
use flow::Code;

use super::{Worker, perhaps_ahead};

impl Worker {
    /// Whose turn is it among the records at hand?
    pub(super) fn turn(&mut self, id: u32) -> Turn {
        let wall_ms = self.clock.wall_ms(self.now);
        let Some(task) = self.tasks.get_mut(&id) else { return Turn::Wait };
        let Some(follow) = &mut task.follow else {
            let can_go = |held: &Held| !perhaps_ahead(held.timestamp_ms(), wall_ms, self.now);
            let next = (0..task.held.len()).find(|input| task.held[*input].front().is_some_and(can_go));
            return next.map_or(Turn::Wait, |input| Turn::Take { input, recorded: None });
        };
        match follow.steps.front().copied() {
            None if follow.at_end => {
                // The recorded past is over: what is recorded from here on begins at these positions.
                task.follow = None;
                task.order.begin = task.standing.positions.clone();
                task.order.steps.clear();
                Turn::Again
            }
            None => Turn::Wait,
            Some(Step::Clock { now_ms }) => {
                follow.steps.pop_front();
                task.standing.clock_ms = task.standing.clock_ms.max(now_ms);
                Turn::Again
            }
            Some(
                step @ (Step::Run { input, offset_next }
                | Step::Ahead { input, offset_next }
                | Step::Refused { input, offset_next }),
            ) => {
                let at = task.standing.positions[input];
                let gone = task.held[input].front().is_some_and(|held| held.offset() >= offset_next);
                if at >= offset_next || gone {
                    follow.steps.pop_front();
                    return Turn::Again;
                }
                if task.held[input].is_empty() {
                    return Turn::Wait;
                }
                let last = task.held[input].front().is_some_and(|held| held.offset() + 1 == offset_next);
                let recorded = match step {
                    Step::Ahead { .. } if last => Some(Code::TimeAhead),
                    Step::Refused { .. } if last => Some(Code::OutputRefused),
                    _ => None,
                };
                Turn::Take { input, recorded }
            }
        }
    }

    pub(super) fn order_page(&mut self, id: u32, page: Vec<(i64, Vec<u8>)>) {
        let Some(follow) = self.tasks.get_mut(&id).and_then(|task| task.follow.as_mut()) else { return };
        self.eager = true;
        follow.asked = false;
        follow.at_end = page.is_empty();
        for (offset, value) in page {
            follow.read_next = Some(offset + 1);
            if let Some(steps) = Steps::decode(&value) {
                follow.steps.extend(steps.steps);
            }
        }
    }

    pub(super) fn read_order(&mut self, id: u32, actions: &mut Vec<Action>) {
        if let Some(Follow { asked, at_end: false, steps, read_next }) =
            self.tasks.get_mut(&id).and_then(|task| task.follow.as_mut())
            && !*asked
            && steps.is_empty()
        {
            *asked = true;
            actions.push(Action::ReadOrder { task: id, from: *read_next });
        }
    }
}

/// What to do next.
pub(super) enum Turn {
    Take { input: usize, recorded: Option<Code> },
    Again,
    Wait,
}
