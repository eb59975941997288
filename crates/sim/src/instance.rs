//! One pod: a driver that can die and come back on what its disk kept.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use engine::core::io::WriterSchema;
use engine::core::logic::erase;
use engine::core::pace::Limits;
use engine::core::worker::Worker;
use engine::shell::driver::Driver;
use engine::shell::schemas::Schemas;
use engine::shell::transport::Fault;

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

fn schema(record: &str) -> WriterSchema {
    WriterSchema { record: record.to_owned(), fingerprint: wire::fingerprint(record), text: record.into() }
}

/// What is known of the registry when a run begins.
pub fn schemas() -> Schemas {
    let known = [(ENTRY_ID, "Entry"), (ASK_ID, "Ask"), (STRANGER_ID, "Stranger")];
    Schemas::new(known.map(|(id, record)| (id, schema(record))), true)
}

/// The registry answers what was asked for first, or all of it.
pub fn answer(schemas: &Schemas, all: bool) {
    for id in schemas.wanted().into_iter().take(if all { usize::MAX } else { 1 }) {
        schemas.answer(id, SLOW_ENTRY_IDS.contains(&id).then(|| schema("Entry")));
    }
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
    let worker = Worker::new(erase::<Ledger>(handle), wire_ids(), limits);
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
