//! What must hold after every turn of a worker: nobody is left waiting for ever, nothing piles up, no store goes for nothing.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use engine::core::io::Now;
use engine::core::pace::Limits;
use engine::core::task::Task;

use crate::instance::SimDriver;
use crate::shared::Shared;
use crate::transport::POLL;

/// Turns in which others may be served while a task with records at hand is not.
const TURNS_MAX: u32 = 8;

/// Bytes of an input record, at most, in the random runs.
const RECORD_MAX: usize = 4_096;

/// What is known of the turns before.
#[derive(Debug, Default)]
pub struct Watch {
    limits: Cell<Option<Limits>>,
    tasks: RefCell<BTreeMap<(usize, u32), Waiting>>,
}

/// A task as the last turn left it.
#[derive(Debug, Clone, Default)]
struct Waiting {
    positions: Vec<i64>,
    /// A record at hand could be handled.
    ready: bool,
    /// Turns that served others since.
    turns: u32,
}

impl Watch {
    /// A process starts with these limits.
    pub fn begin(&self, me: usize, limits: Limits) {
        self.limits.set(Some(limits));
        self.tasks.borrow_mut().retain(|(of, _), _| *of != me);
    }

    /// Looks at a worker after its turn. `now` is its clock.
    pub fn look(&self, shared: &Shared, me: usize, driver: &SimDriver, now: Now) {
        for task in driver.worker.tasks() {
            self.bounded(shared, me, task);
        }
        self.fair(shared, me, driver, now);
    }

    fn bounded(&self, shared: &Shared, me: usize, task: &Task) {
        let Some(limits) = self.limits.get() else { return };
        // Of the poll that fills a queue the rest comes, too.
        let (most, most_bytes) = (limits.held + POLL, limits.held_bytes + POLL * RECORD_MAX);
        for (input, held) in task.held.iter().enumerate() {
            if held.len() > most || held.bytes() > most_bytes {
                let (records, bytes) = (held.len(), held.bytes());
                shared.breach(format!("{me} holds {records} records, {bytes} bytes of task {} input {input}", task.id));
            }
        }
    }

    fn fair(&self, shared: &Shared, me: usize, driver: &SimDriver, now: Now) {
        let mut known = self.tasks.borrow_mut();
        let wall_ms = driver.worker.wall_ms(now).min(now.wall_ms);
        let mut served = 0;
        let mut left = Vec::new();
        for task in driver.worker.tasks() {
            let before = known.entry((me, task.id)).or_default();
            let positions = task.standing.positions.clone();
            let moved = positions != before.positions;
            served += u32::from(moved);
            let can_go = |input: &usize| task.held[*input].front().is_some_and(|front| front.timestamp_ms() <= wall_ms);
            let ready = task.follow.is_none() && (0..task.held.len()).any(|input| can_go(&input));
            let waits = before.ready && ready && !moved;
            let turns = if waits { before.turns } else { 0 };
            *before = Waiting { positions, ready, turns };
            left.extend(waits.then_some(task.id));
        }
        for task in left.into_iter().filter(|_| served > 0) {
            let Some(waiting) = known.get_mut(&(me, task)) else { continue };
            waiting.turns += 1;
            if waiting.turns == TURNS_MAX {
                shared
                    .breach(format!("{me} serves others for {TURNS_MAX} turns while task {task} has records at hand"));
            }
        }
        known.retain(|(of, task), _| *of != me || driver.worker.tasks().any(|open| open.id == *task));
    }
}
