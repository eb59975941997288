//! A run: pods, broker and outside world, moved step by step by one seed.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use engine::core::pace::Limits;
use engine::shell::schemas::Schemas;

use crate::broker::OUTSIDE;
use crate::chaos::Chaos;
use crate::disk::MemDisk;
use crate::inputs::{Inputs, Produced};
use crate::instance::{self, Instance, Instances};
use crate::ledger::{TASKS, TOPOLOGY};
use crate::oracle::facts::Mark;
use crate::plant::Plant;
use crate::rng::Rng;
use crate::shared::Shared;

/// What a run is made of. All of it follows from the seed in random runs; fixed scenarios set what they need.
#[derive(Debug, Clone)]
pub struct Config {
    pub seed: u64,
    pub instances: usize,
    /// Workers of one instance: each a member of the group, on one disk.
    pub workers: usize,
    /// Steps of the world before it comes to rest.
    pub steps: usize,
    pub keys: usize,
    /// Whether the outside world sends records by itself.
    pub inputs: bool,
    pub limits: Limits,
    pub chaos: Chaos,
    /// Begins anew from the recorded order after the first rest.
    pub reset: bool,
    /// Whether the broker deletes old records of the history meanwhile.
    pub retention: bool,
    pub plant: Option<Plant>,
    /// Whether history is kept as text.
    pub verbose: bool,
}

impl Config {
    /// A random run.
    pub fn of_seed(seed: u64) -> Config {
        let mut rng = Rng::new(seed ^ 0x5eed);
        let limits = Limits {
            commit_after_us: rng.below(3) * 40_000,
            records: 1 + rng.below(30) as usize,
            bytes: if rng.chance(200) { 600 } else { 1 << 20 },
            record_bytes: 2_000,
            held: 2 + rng.below(20) as usize,
            held_bytes: 2_000,
        };
        Config {
            seed,
            instances: 1 + rng.below(3) as usize,
            steps: 150 + rng.below(450) as usize,
            keys: 3 + rng.below(10) as usize,
            inputs: true,
            limits,
            chaos: Chaos::draw(&mut rng),
            reset: rng.chance(400),
            workers: 1 + rng.below(2) as usize,
            retention: rng.chance(250),
            plant: None,
            verbose: false,
        }
    }

    /// One pod, no faults, nothing from outside but what a scenario sends.
    pub fn calm() -> Config {
        Config {
            seed: 1,
            instances: 1,
            workers: 1,
            steps: 0,
            keys: 1,
            inputs: false,
            limits: Limits::default(),
            chaos: Chaos::NONE,
            reset: false,
            retention: false,
            plant: None,
            verbose: false,
        }
    }
}

const HOUR_MS: i64 = 3_600_000;

/// The longest jump of a clock, in microseconds: shorter than what makes it believed.
const JUMP_MAX_US: u64 = 200_000_000;

/// The pretend world.
pub struct World {
    pub config: Config,
    pub shared: Rc<Shared>,
    pub instances: Instances,
    pub schemas: Schemas,
    /// How much there was of each task at each reset.
    pub marks: Vec<Vec<Mark>>,
    inputs: Inputs,
    /// A producer's open transaction on the inputs, when there is one.
    outside_open: bool,
}

impl World {
    /// A world in which every pod has started.
    pub fn new(config: Config) -> World {
        let shared = Rc::new(Shared::new(config.seed, config.instances, config.workers));
        shared.history.borrow_mut().verbose = config.verbose;
        create_topics(&shared);
        let pod = |_| vec![(Arc::default(), Rc::default()); config.workers];
        let worker = |(disk, skew)| RefCell::new(Instance { disk, skew, driver: None });
        let instances: Instances = Rc::new((0..config.instances).flat_map(pod).map(worker).collect());
        let (inputs, schemas) = (Inputs::new(config.keys), instance::schemas());
        let world = World { shared, instances, schemas, marks: Vec::new(), inputs, outside_open: false, config };
        let (shared, instances) = (world.shared.clone(), world.instances.clone());
        world.shared.on_interrupt(Some(Rc::new(move |me| interrupt(&shared, &instances, me))));
        for me in 0..world.instances.len() {
            world.start(me);
        }
        world.rebalance();
        world
    }

    /// Starts the pod of a worker, when it is down.
    pub fn start(&self, me: usize) {
        instance::start(&self.shared, &self.instances, me, self.config.limits, &self.schemas, self.config.plant);
    }

    /// One turn of a worker.
    pub fn turn(&self, me: usize) {
        instance::turn(&self.shared, &self.instances, me);
    }

    /// Moves tasks about among the workers.
    pub fn rebalance(&self) {
        rebalance(&self.shared, self.instances.len());
    }

    /// Kills the pod of a worker between two of its turns.
    pub fn kill(&self, me: usize) {
        self.shared.note(format_args!("{me} is killed"));
        instance::stop(&self.shared, &self.instances, me);
    }

    /// Appends a record to an input.
    pub fn append(&self, produced: Produced) -> i64 {
        let Produced { input, partition, message } = produced;
        self.shared.note(format_args!("input {input}/{partition} at {}", message.timestamp_ms));
        self.shared.broker.borrow_mut().append(TOPOLOGY.inputs[input].topic, partition, message)
    }

    /// Runs the random part, without the rest that follows it.
    pub fn run(&mut self) {
        self.shared.chaos.set(self.config.chaos);
        for _ in 0..self.config.steps {
            self.step();
        }
        self.shared.chaos.set(Chaos::NONE);
        self.end_outside(true);
    }

    fn step(&mut self) {
        let chaos = self.config.chaos;
        let me = self.shared.below(self.instances.len() as u64) as usize;
        match self.shared.below(1_000) {
            0..600 => self.turn_or_start(me),
            600..750 => self.outside(),
            750..850 => self.pass_time(),
            850..900 => self.markers(),
            900..950 => self.flush(me),
            950..970 => instance::answer(&self.schemas, false),
            970..975 if self.config.retention => self.forget_history(),
            985..990 => instance::end(&self.shared, &self.instances, me),
            970..985 => self.compact(),
            _ => drop(self.shared.restores(me).step(&self.shared)),
        }
        if self.shared.chance(chaos.rebalance) {
            self.rebalance();
        }
        if self.shared.chance(chaos.kick) {
            self.shared.note(format_args!("{me} is thrown out"));
            self.shared.broker.borrow_mut().group.leave(me);
        }
        self.hurt_clock(me);
        self.hurt_disk(me);
    }

    fn hurt_clock(&self, me: usize) {
        let chaos = self.config.chaos;
        let pod = self.instances[me].borrow();
        if self.shared.chance(chaos.clock_jump) {
            let (by_ms, for_us) = (HOUR_MS * 26, 1 + self.shared.below(JUMP_MAX_US));
            let ms = self.shared.rng.borrow_mut().between(-by_ms, by_ms);
            self.shared.note(format_args!("clock of {me} off by {ms} for {for_us}"));
            pod.skew.jump(ms, self.shared.time.mono_us() + for_us);
        }
        if self.shared.chance(chaos.clock_wrong) {
            let ms = self.shared.rng.borrow_mut().between(-2 * HOUR_MS, 2 * HOUR_MS);
            self.shared.note(format_args!("clock of {me} off by {ms} from now on"));
            pod.skew.set(ms);
            self.shared.clocks_wrong.set(true);
        }
        drop(pod);
        self.settle_clocks(0);
    }

    /// Ends the jumps of clocks that are over within `ahead_us` from now.
    fn settle_clocks(&self, ahead_us: u64) {
        let now_us = self.shared.time.mono_us() + ahead_us;
        self.instances.iter().for_each(|pod| pod.borrow().skew.settle(now_us));
    }

    fn turn_or_start(&self, me: usize) {
        if self.instances[me].borrow().driver.is_some() {
            self.turn(me);
        } else if self.shared.chance(200) {
            if self.shared.chance(self.config.chaos.disk_lost) {
                self.shared.note(format_args!("{me} lost its disk"));
                let disk = Arc::new(MemDisk::default());
                self.shared.pod(me).for_each(|me| self.instances[me].borrow_mut().disk = disk.clone());
            }
            self.start(me);
        }
    }

    fn hurt_disk(&self, me: usize) {
        let disk = self.instances[me].borrow().disk.clone();
        if self.shared.chance(self.config.chaos.disk * 5) {
            let accesses = self.shared.below(20);
            if self.shared.chance(100) {
                self.shared.note(format_args!("disk of {me} is full in {accesses}"));
                disk.fill_in(accesses);
            } else {
                self.shared.note(format_args!("disk of {me} fails in {accesses}"));
                disk.fail_in(accesses);
            }
        }
        if self.shared.chance(self.config.chaos.disk * 5) {
            let (writes, full) = (self.shared.below(10), self.shared.chance(100));
            self.shared.note(format_args!("dedup segments of {me} fail in {writes}, for good: {full}"));
            disk.fail_chunks_in(writes, full);
        }
        if self.shared.chance(self.config.chaos.rot * 5) {
            let rotten = disk.rot(&mut self.shared.rng.borrow_mut());
            self.shared.note(format_args!("disk of {me} rots: {rotten}"));
        }
    }

    fn flush(&self, me: usize) {
        let disk = self.instances[me].borrow().disk.clone();
        if self.shared.chance(500) {
            disk.flush();
        } else {
            disk.flush_state();
        }
    }

    fn pass_time(&self) {
        const HOUR_US: u64 = 3_600_000_000;
        let by_us = match self.shared.below(10) {
            0 if self.shared.chance(50) => 10 * HOUR_US + self.shared.below(20 * HOUR_US),
            0 => self.shared.below(40_000_000),
            1..4 => self.shared.below(2_000_000),
            _ => self.shared.below(50_000),
        };
        self.settle_clocks(by_us);
        self.shared.time.advance_us(by_us);
        self.expire();
    }

    /// Transactions older than ten seconds time out.
    pub fn expire(&self) {
        let before_us = self.shared.time.mono_us().saturating_sub(10_000_000);
        self.shared.broker.borrow_mut().expire(before_us);
    }

    fn markers(&self) {
        marker(&self.shared);
    }

    /// The broker compacts a changelog; tombstones stay for a day.
    fn compact(&self) {
        let task = self.shared.below(u64::from(TASKS)) as u32;
        let now_ms = self.shared.time.wall_ms();
        self.shared.broker.borrow_mut().log_mut(&self.shared.names.changelog, task).compact(now_ms, 24 * 3_600_000);
    }

    /// Retention deletes the older part of a task's history; its last record is young enough.
    fn forget_history(&self) {
        let task = self.shared.below(u64::from(TASKS)) as u32;
        let mut broker = self.shared.broker.borrow_mut();
        let history = broker.log_mut(&self.shared.names.order, task);
        let offsets: Vec<i64> = history.read(0).map(|stored| stored.offset).collect();
        let Some(first) = self.shared.rng.borrow_mut().pick(&offsets).copied() else { return };
        self.shared.note(format_args!("the history of {task} begins at {first}"));
        history.delete_records(first);
    }

    /// The outside world sends a few records, now and then within a transaction that it may abort.
    fn outside(&mut self) {
        if !self.config.inputs {
            return;
        }
        if self.outside_open && self.shared.chance(400) {
            let commit = self.shared.chance(700);
            self.end_outside(commit);
        } else if !self.outside_open && self.shared.chance(100) {
            let mut broker = self.shared.broker.borrow_mut();
            let epoch = broker.init(OUTSIDE);
            self.outside_open = broker.begin(OUTSIDE, epoch, self.shared.time.mono_us()).is_ok();
        }
        for _ in 0..1 + self.shared.below(6) {
            let now_ms = self.shared.time.wall_ms();
            let produced = self.inputs.next(&mut self.shared.rng.borrow_mut(), now_ms);
            if self.outside_open && self.shared.chance(700) {
                self.append_open(produced);
            } else {
                self.append(produced);
            }
        }
    }

    fn append_open(&mut self, produced: Produced) {
        let Produced { input, partition, message } = produced;
        let mut broker = self.shared.broker.borrow_mut();
        let epoch = broker.producers.get(OUTSIDE).map_or(0, |producer| producer.epoch);
        let open = broker
            .producers
            .get(OUTSIDE)
            .is_some_and(|producer| producer.open.as_ref().is_some_and(|txn| txn.decided.is_none()));
        // It may have timed out by now.
        self.outside_open = open;
        if open {
            let _ = broker.send(OUTSIDE, epoch, TOPOLOGY.inputs[input].topic, partition, message);
        }
    }

    fn end_outside(&mut self, commit: bool) {
        let mut broker = self.shared.broker.borrow_mut();
        let epoch = broker.producers.get(OUTSIDE).map_or(0, |producer| producer.epoch);
        let _ = broker.end(OUTSIDE, epoch, commit);
        broker.deliver_all(OUTSIDE);
        self.outside_open = false;
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // The hook holds the world that holds it.
        self.shared.on_interrupt(None);
    }
}

fn create_topics(shared: &Shared) {
    let mut broker = shared.broker.borrow_mut();
    TOPOLOGY.inputs.iter().for_each(|input| broker.create(input.topic, TASKS));
    TOPOLOGY.outputs.iter().chain(TOPOLOGY.replies).for_each(|topic| broker.create(topic.name, topic.partitions));
    let names = &shared.names;
    for name in [&names.changelog, &names.order, &names.dead_letters] {
        broker.create(name, TASKS);
    }
}

fn rebalance(shared: &Shared, instances: usize) {
    let target: BTreeMap<u32, usize> = (0..TASKS).map(|task| (task, shared.below(instances as u64) as usize)).collect();
    shared.note(format_args!("rebalance to {target:?}"));
    shared.broker.borrow_mut().group.assign(target);
}

fn marker(shared: &Shared) {
    let due = shared.broker.borrow().markers_due();
    let pick = shared.below(64);
    if let Some(id) = due.get((pick / 8) as usize % due.len().max(1)) {
        shared.note(format_args!("a marker of {id} arrives"));
        shared.broker.borrow_mut().deliver(id, pick);
    }
}

/// What may come between any two calls of an instance.
fn interrupt(shared: &Rc<Shared>, instances: &Instances, me: usize) {
    let chaos = shared.chaos.get();
    match shared.below(12) {
        0..5 => {
            let other = (me + 1 + shared.below(instances.len() as u64) as usize) % instances.len();
            instance::turn(shared, instances, other);
        }
        5..7 => marker(shared),
        7 if chaos.rebalance > 0 => rebalance(shared, instances.len()),
        8 if chaos.kick > 0 => {
            shared.note(format_args!("{me} is thrown out"));
            shared.broker.borrow_mut().group.leave(me);
        }
        9 if chaos.twin > 0 && shared.chance(200) => {
            shared.note(format_args!("a twin of {me} appears"));
            shared.broker.borrow_mut().abandon(&crate::transport::SimTransport::transactional_id(me));
        }
        10 => drop(shared.restores(me).step(shared)),
        11 => drop(shared.restores(shared.below(instances.len() as u64) as usize).step(shared)),
        _ => shared.time.advance_us(shared.below(5_000)),
    }
}
