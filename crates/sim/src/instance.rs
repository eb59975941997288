//! One pod: a driver that can die and come back on what its disk kept.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use engine::core::io::WriterSchema;
use engine::core::logic::{Given, Logic, Outcome, RawEffects, erase};
use engine::core::pace::Limits;
use engine::core::worker::Worker;
use engine::shell::driver::Driver;
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

/// A pod.
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

/// All pods. Each is borrowed only while it takes a turn, so that others can break in.
pub type Instances = Rc<Vec<RefCell<Instance>>>;

/// Starts the process of a pod.
pub fn start(
    shared: &Rc<Shared>,
    instances: &Instances,
    me: usize,
    limits: Limits,
    schemas: &Schemas,
    plant: Option<Plant>,
) {
    let Ok(mut pod) = instances[me].try_borrow_mut() else { return };
    // A process has nothing to compare the clock with that it finds: none begins within a jump.
    pod.skew.settle(u64::MAX);
    let clock = SimClock { time: shared.time.clone(), skew: pod.skew.clone() };
    let transport = Planted::new(shared.clone(), pod.disk.clone(), me, clock.clone(), plant);
    let topology = shared.topology.get();
    let logic = Box::new(Mapped { logic: erase::<Ledger>(handle), topology });
    let worker = Worker::new(logic, wire_ids(), limits).of_version(&version_of(topology));
    shared.set_dead(me, false);
    shared.note(format_args!("{me} starts"));
    pod.driver = Some(Driver::new(worker, transport, pod.disk.clone(), clock, schemas.clone()));
}

/// One turn of a pod's loop, unless it is down or in the middle of one.
pub fn turn(shared: &Shared, instances: &Instances, me: usize) {
    let Ok(mut pod) = instances[me].try_borrow_mut() else { return };
    let Some(driver) = &mut pod.driver else { return };
    let Err(fault) = driver.turn() else { return };
    let died = shared.is_dead(me);
    shared.note(format_args!("{me} ends: {fault}"));
    if !died && !is_known_end(&fault) {
        shared.breach(format!("worker {me} ended with {fault:?}"));
    }
    stop(shared, &mut pod);
}

/// The clean end of a process: what is in hand is committed, what the disk holds is flushed.
pub fn end(shared: &Shared, instances: &Instances, me: usize) {
    let Ok(mut pod) = instances[me].try_borrow_mut() else { return };
    let Some(driver) = &mut pod.driver else { return };
    let ended = driver.stop();
    shared.note(format_args!("{me} stops: {ended:?}"));
    match ended {
        Ok(()) => {
            pod.driver = None;
            pod.disk.flush();
            pod.disk.flush_state();
        }
        Err(_) => stop(shared, &mut pod),
    }
}

/// The process is gone, and with it what was not flushed.
pub fn stop(shared: &Shared, pod: &mut Instance) {
    pod.driver = None;
    pod.disk.crash(&mut shared.rng.borrow_mut());
}

/// Ends that a worker is meant to have: nothing else may end it.
fn is_known_end(fault: &Fault) -> bool {
    const KNOWN: [&str; 3] = ["fenced twice", "three aborts", "the disk failed"];
    matches!(fault, Fault::Fatal(why) if KNOWN.iter().any(|known| why.starts_with(known)))
}
