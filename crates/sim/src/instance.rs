//! Pods: workers of one process, that die together and come back on what their disk kept.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use engine::core::io::WriterSchema;
use engine::core::logic::{Given, Logic, Outcome, RawEffects, erase};
use engine::core::pace::Limits;
use engine::core::worker::Worker;
use engine::shell::driver::{Clock, Driver};
use engine::shell::schemas::Schemas;
use engine::shell::transport::Fault;
use flow::{Id, Reject, Seen, StateRead, Topology};

use crate::clock::{SimClock, Skew};
use crate::disk::MemDisk;
use crate::inputs::{ASK_ID, ENTRY_ID, SLOW_ENTRY_IDS, STRANGER_ID};
use crate::ledger::{Ledger, handle, wire};
use crate::plant::{Plant, Planted};
use crate::shared::Shared;

/// The engine's driver over the pretend world.
pub type SimDriver = Driver<Planted, MemDisk, SimClock>;

/// A worker. Disk and clock are its pod's.
pub struct Instance {
    pub disk: Arc<MemDisk>,
    pub skew: Rc<Skew>,
    /// `None` while the process is down.
    pub driver: Option<SimDriver>,
}

/// Records that the ledger writes, in the order of their registry ids from 10 on.
const WRITTEN: [&str; 8] = ["Added", "Parked", "Moved", "Received", "Released", "Refused", "Ghost", "Answered"];

/// Registry ids of what the ledger writes, by fingerprint.
pub fn wire_ids() -> HashMap<u64, u32> {
    WRITTEN.iter().zip(10..).map(|(record, id)| (wire::fingerprint(record), id)).collect()
}

/// The schema of a record.
pub fn schema(record: &str) -> WriterSchema {
    WriterSchema { record: record.to_owned(), fingerprint: wire::fingerprint(record), text: record.into() }
}

/// Ids of the registry that are known when a run begins.
pub fn known() -> [(u32, WriterSchema); 3] {
    [(ENTRY_ID, "Entry"), (ASK_ID, "Ask"), (STRANGER_ID, "Stranger")].map(|(id, record)| (id, schema(record)))
}

/// What is known of the registry when a run begins.
pub fn schemas() -> Schemas {
    Schemas::new(known(), true)
}

/// The registry answers what was asked for first, or all of it.
pub fn answer(schemas: &Schemas, all: bool) {
    for id in schemas.wanted().into_iter().take(if all { usize::MAX } else { 1 }) {
        schemas.answer(id, SLOW_ENTRY_IDS.contains(&id).then(|| schema("Entry")));
    }
}

/// The ledger under another map.
struct Mapped {
    logic: Box<dyn Logic>,
    topology: &'static Topology,
}

impl Logic for Mapped {
    fn topology(&self) -> &'static Topology {
        self.topology
    }

    fn process(
        &mut self,
        given: Given<'_>,
        seen: &mut dyn FnMut(Id, u64) -> Seen,
        state: &dyn StateRead,
        out: &mut RawEffects,
    ) -> Result<Outcome, Reject> {
        self.logic.process(given, seen, state, out)
    }
}

/// The version of a build with this map: it says what the oracle has to know of it.
pub fn version_of(topology: &Topology) -> String {
    format!("sim-{}", topology.window_ms)
}

/// The dedup window of a build.
pub fn window_of(version: &str) -> Option<i64> {
    version.strip_prefix("sim-")?.parse().ok()
}

/// The workers of all pods. Each is borrowed only while it takes a turn, so that others can break in.
pub type Instances = Rc<Vec<RefCell<Instance>>>;

/// Whether no worker of a pod is up, or in the middle of a turn.
fn is_down(shared: &Shared, instances: &Instances, me: usize) -> bool {
    shared.pod(me).all(|me| instances[me].try_borrow().is_ok_and(|worker| worker.driver.is_none()))
}

/// Starts the process of a worker, with all of its workers.
pub fn start(
    shared: &Rc<Shared>,
    instances: &Instances,
    me: usize,
    limits: Limits,
    schemas: &Schemas,
    plant: Option<Plant>,
) {
    if !is_down(shared, instances, me) {
        return;
    }
    shared.set_dead(me, false);
    for me in shared.pod(me) {
        let mut worker = instances[me].borrow_mut();
        // A process has nothing to compare the clock with that it finds: none begins within a jump.
        worker.skew.settle(u64::MAX);
        let clock = SimClock { time: shared.time.clone(), skew: worker.skew.clone() };
        let transport = Planted::new(shared.clone(), worker.disk.clone(), me, clock.clone(), plant);
        let topology = shared.topology.get();
        let logic = Box::new(Mapped { logic: erase::<Ledger>(handle), topology });
        let core = Worker::new(logic, wire_ids(), limits).of_version(&version_of(topology));
        shared.note(format_args!("{me} starts"));
        shared.watch.begin(me, limits);
        worker.driver = Some(Driver::new(core, transport, worker.disk.clone(), clock, schemas.clone()));
    }
}

/// One turn of a worker's loop, unless it is down or in the middle of one. The end of a worker is its process's.
pub fn turn(shared: &Shared, instances: &Instances, me: usize) {
    let Ok(mut worker) = instances[me].try_borrow_mut() else { return };
    let Some(driver) = &mut worker.driver else { return };
    let turned = driver.turn();
    let Err(fault) = turned else {
        let clock = SimClock { time: shared.time.clone(), skew: worker.skew.clone() };
        if let Some(driver) = &worker.driver {
            shared.watch.look(shared, me, driver, clock.now());
        }
        for task in worker.disk.take_needless() {
            shared.breach(format!("{me} sets the store of task {task} aside although nothing is wrong with it"));
        }
        return;
    };
    drop(worker);
    let died = shared.is_dead(me);
    shared.note(format_args!("{me} ends: {fault}"));
    if !died && !is_known_end(&fault) {
        shared.breach(format!("worker {me} ended with {fault:?}"));
    }
    stop(shared, instances, me);
}

/// The clean end of a process: what is in hand is committed, what the disk holds is flushed.
pub fn end(shared: &Shared, instances: &Instances, me: usize) {
    for me in shared.pod(me) {
        let Ok(mut worker) = instances[me].try_borrow_mut() else { return };
        let Some(driver) = &mut worker.driver else { continue };
        let ended = driver.stop();
        shared.note(format_args!("{me} stops: {ended:?}"));
        if ended.is_err() {
            drop(worker);
            return stop(shared, instances, me);
        }
        worker.driver = None;
    }
    if shared.is_dead(me) {
        // A restore heard of its death first.
        return stop(shared, instances, me);
    }
    if is_down(shared, instances, me) {
        shared.restores(me).clear();
        let disk = instances[me].borrow().disk.clone();
        disk.flush();
        disk.flush_state();
    }
}

/// The process is gone, and with it what was not flushed. A worker in the middle of a turn hears of it at its next call;
/// what it does to the disk until then is not flushed either.
pub fn stop(shared: &Shared, instances: &Instances, me: usize) {
    shared.set_dead(me, true);
    for me in shared.pod(me) {
        if let Ok(mut worker) = instances[me].try_borrow_mut() {
            worker.driver = None;
        }
    }
    if is_down(shared, instances, me) {
        shared.restores(me).clear();
        let disk = instances[me].borrow().disk.clone();
        disk.crash(&mut shared.rng.borrow_mut());
    }
}

/// Ends that a worker is meant to have: nothing else may end it.
fn is_known_end(fault: &Fault) -> bool {
    const KNOWN: [&str; 3] = ["fenced twice", "three aborts", "the disk failed"];
    matches!(fault, Fault::Fatal(why) if KNOWN.iter().any(|known| why.starts_with(known)))
}
