//! Coming to rest: faults end, everything that is due is done, and the oracle looks at it. Then, perhaps, a reset.

use crate::instance::{self, SimDriver};
use crate::ledger::{TASKS, TOPOLOGY};
use crate::oracle::facts::{self, Mark};
use crate::oracle::invariants;
use crate::world::{Config, World};

/// Rounds after which a run that is still not quiet counts as stuck.
const ROUNDS: usize = 3_000;

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Hash of the history: the same for the same seed.
    pub hash: u64,
    pub events: u64,
    /// Committed transactions, by task.
    pub deeds: usize,
    /// What is wrong; empty when all is well.
    pub wrong: Vec<String>,
    /// The last lines of the history, when they were kept.
    pub lines: Vec<String>,
}

/// One whole run.
pub fn run(config: Config) -> Report {
    let mut world = World::new(config);
    world.run();
    let mut wrong = world.rest_and_check();
    if wrong.is_empty() && world.config.reset {
        let forgotten = world.forgotten();
        world.reset();
        if forgotten.is_empty() {
            world.config.retention = false;
            world.run();
            wrong = world.rest_and_check();
        } else {
            wrong = world.refuse(&forgotten);
        }
    }
    world.report(wrong)
}

impl World {
    /// What the run came to.
    pub fn report(&self, wrong: Vec<String>) -> Report {
        let history = self.shared.history.borrow();
        let lines = history.lines().map(str::to_owned).collect();
        let deeds = self.shared.broker.borrow().deeds.len();
        Report { hash: history.hash(), events: history.events(), deeds, wrong, lines }
    }

    /// Lets everything come to rest and asks the oracle; what is wrong.
    pub fn rest_and_check(&self) -> Vec<String> {
        match self.rest() {
            Ok(()) => invariants::check(&facts::gather(self)),
            Err(why) => {
                let mut wrong = self.shared.breaches.borrow().clone();
                wrong.push(format!("a_run_comes_to_rest: {why}"));
                wrong
            }
        }
    }

    /// Without further faults, turns until nothing is left to do.
    pub fn rest(&self) -> Result<(), String> {
        self.shared.note(format_args!("comes to rest"));
        self.instances.iter().for_each(|pod| pod.borrow().skew.set(0));
        let mut why = String::new();
        for round in 0..ROUNDS {
            self.round(true);
            match self.busy() {
                None => return Ok(()),
                Some(busy) => why = busy,
            }
            // Restores wait longer and longer, timers for their time.
            self.shared.time.advance_us(if round % 10 == 9 { 2_000_000 } else { 1_000 });
        }
        Err(format!("still busy after {ROUNDS} rounds: {why}"))
    }

    /// Tasks whose history lacks its beginning.
    fn forgotten(&self) -> Vec<u32> {
        let broker = self.shared.broker.borrow();
        let lacks = |task: &u32| {
            let history = broker.log(&self.shared.names.order, *task);
            history.ever().next().is_some_and(|first| first.offset < history.start)
        };
        (0..TASKS).filter(lacks).collect()
    }

    /// After a reset every one of these tasks finds a gap where its history begins, and does nothing; what is wrong.
    fn refuse(&self, forgotten: &[u32]) -> Vec<String> {
        let is_refused = |task: &u32| {
            self.instances.iter().any(|worker| {
                let worker = worker.borrow();
                let stopped = worker.driver.as_ref().and_then(|driver| driver.quarantined().get(task));
                stopped.is_some_and(|why| why.contains("history-gap: "))
            })
        };
        for _ in 0..ROUNDS {
            if forgotten.iter().all(is_refused) {
                break;
            }
            self.round(false);
            self.shared.time.advance_us(100_000);
        }
        let mut wrong = self.shared.breaches.borrow().clone();
        for task in forgotten {
            if !is_refused(task) {
                wrong.push(format!("a_forgotten_history_is_a_gap: task {task} is not stopped; {}", self.tell(*task)));
            }
            let (then, now) = (self.marks.last().map(|marks| marks[*task as usize]), facts::mark(self, *task));
            if then != Some(now) {
                wrong.push(format!("a_forgotten_history_is_a_gap: task {task} guesses: {then:?}, then {now:?}"));
            }
        }
        wrong
    }

    /// Everybody gets a turn, and whatever is under way arrives. `again`: what a task was quarantined for is over by now, and
    /// a restart tries it.
    fn round(&self, again: bool) {
        instance::answer(&self.schemas, true);
        let due = self.shared.broker.borrow().markers_due();
        for id in due {
            self.shared.broker.borrow_mut().deliver_all(&id);
        }
        self.expire();
        for me in 0..self.instances.len() {
            let stopped = |driver: &SimDriver| !driver.quarantined().is_empty();
            if again && self.instances[me].borrow().driver.as_ref().is_some_and(stopped) {
                self.kill(me);
            }
            if self.instances[me].borrow().driver.is_none() {
                self.start(me);
            }
            self.turn(me);
        }
    }

    /// What is still to be done, when something is.
    fn busy(&self) -> Option<String> {
        let mut open = Vec::new();
        let mut due = None;
        for (me, pod) in self.instances.iter().enumerate() {
            let pod = pod.borrow();
            let Some(driver) = &pod.driver else { return Some(format!("{me} is down")) };
            if let Some(why) = driver.unready() {
                return Some(format!("{me} is not ready: {why}"));
            }
            if driver.worker.busy() {
                return Some(format!("{me} has a transaction open"));
            }
            if let Some(task) = driver.worker.tasks().find(|task| task.is_behind()) {
                return Some(format!("task {} follows its past; {}", task.id, self.tell(task.id)));
            }
            open.extend(driver.worker.tasks().map(|task| task.id));
            due = due.max(driver.worker.next_due_ms());
        }
        open.sort_unstable();
        if open != (0..TASKS).collect::<Vec<u32>>() {
            return Some(format!("only tasks {open:?} are open"));
        }
        let broker = self.shared.broker.borrow();
        if !broker.markers_due().is_empty() {
            return Some("markers are on their way".into());
        }
        for task in 0..TASKS {
            for (input, topic) in TOPOLOGY.inputs.iter().enumerate() {
                let last = broker.log(topic.topic, task).ever().last().map(|last| last.offset + 1);
                let at = broker.group.offsets.get(&(task, input)).copied();
                if last.is_some() && at < last {
                    return Some(format!("task {task} input {input} at {at:?} of {last:?}; {}", self.tell(task)));
                }
            }
        }
        let due_ms = due?;
        let wait_ms = due_ms - self.shared.time.wall_ms();
        self.shared.time.advance_us((wait_ms.clamp(1, 60_000) * 1_000) as u64);
        Some(format!("a timer is due at {due_ms}"))
    }

    /// What the core says about a task.
    fn tell(&self, task: u32) -> String {
        let pods = self.instances.iter().filter_map(|pod| pod.try_borrow().ok());
        let told = pods.filter_map(|pod| {
            let open = pod.driver.as_ref()?.worker.tasks().find(|open| open.id == task)?;
            let held: Vec<usize> = open.held.iter().map(|held| held.len()).collect();
            let (standing, follow) = (&open.standing, &open.follow);
            Some(format!("{standing:?}, holds {held:?}, paused {:?}, follows {follow:?}", open.paused))
        });
        told.collect::<Vec<String>>().join("; ")
    }

    /// Every pod stops; offsets go back to the start, changelogs are emptied; every pod starts on the disk it has.
    pub fn reset(&mut self) {
        self.shared.note(format_args!("reset"));
        // A broker that refuses today what it took the first time makes another history; that is not asked for here.
        self.config.chaos.refuse = 0;
        for me in 0..self.instances.len() {
            self.kill(me);
        }
        let mut marks: Vec<Mark> = (0..TASKS).map(|task| facts::mark(self, task)).collect();
        let changelog = &self.shared.names.changelog;
        // Either way the stores must notice that what they hold is of the past.
        let created_again = self.shared.chance(500);
        if created_again {
            let earlier = self.marks.iter_mut().flatten();
            marks.iter_mut().chain(earlier).for_each(|mark| mark.accepted = [0, 0]);
            self.shared.broker.borrow_mut().create(changelog, TASKS);
        }
        self.marks.push(marks);
        // Where transactions are cut is not part of the recorded order: other limits, the same outputs.
        self.config.limits.records = 1 + self.shared.below(30) as usize;
        let mut broker = self.shared.broker.borrow_mut();
        for task in 0..TASKS {
            for (input, topic) in TOPOLOGY.inputs.iter().enumerate() {
                let start = broker.log(topic.topic, task).start;
                broker.group.offsets.insert((task, input), start);
                broker.group.events.remove(&(task, input));
            }
            let end = broker.log(changelog, task).next;
            broker.log_mut(changelog, task).delete_records(end);
        }
        drop(broker);
        for me in 0..self.instances.len() {
            self.start(me);
        }
    }
}
