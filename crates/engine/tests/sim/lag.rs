//! A changelog whose end lags over a transaction in which nothing but timers fired: no input tells that it is missing.

use std::time::Duration;

use engine::core::io::{Opening, Store};
use engine::core::keys;
use engine::core::pace::Limits;
use engine::core::record::TaskRecord;
use engine::shell::disk::Disk;
use engine::shell::restore::restore;
use engine::shell::transport::{Entry, Fault, LogReader, Page, Position};
use flow::Topology;
use sim::ledger::Op;
use sim::reader::SimReader;
use sim::scenario::{entry, key_of};
use sim::world::World;

const TASK: u32 = 1;

/// A reader to whom the changelog ends at `end`, so many times.
struct Lagging<'a> {
    inner: SimReader<'a>,
    end: i64,
    times: u32,
}

impl LogReader for Lagging<'_> {
    fn topology(&self) -> &'static Topology {
        self.inner.topology()
    }
    fn committed(&mut self, task: u32) -> Result<Vec<Option<Position>>, Fault> {
        self.inner.committed(task)
    }
    fn input_bounds(&mut self, task: u32) -> Result<Vec<(i64, i64)>, Fault> {
        self.inner.input_bounds(task)
    }
    fn topic_id(&mut self, topic: &str) -> Result<String, Fault> {
        self.inner.topic_id(topic)
    }
    fn bounds(&mut self, topic: &str, partition: u32) -> Result<(i64, i64), Fault> {
        let found = self.inner.bounds(topic, partition)?;
        if topic != self.inner.shared.names.changelog || self.times == 0 {
            return Ok(found);
        }
        self.times -= 1;
        Ok((found.0, self.end))
    }
    fn read(&mut self, topic: &str, partition: u32, from: i64, end: i64) -> Result<Page, Fault> {
        let mut page = self.inner.read(topic, partition, from, end)?;
        page.entries.retain(|entry: &Entry| entry.offset < end);
        Ok(page)
    }
    fn wait(&mut self, wait: Duration) {
        self.inner.wait(wait);
    }
}

fn record(store: &dyn Store) -> TaskRecord {
    store.get(TASK, &keys::task()).and_then(|bytes| TaskRecord::decode(&bytes)).expect("the task's own record")
}

fn end(world: &World) -> i64 {
    world.shared.broker.borrow().log(&world.shared.names.changelog, TASK).next
}

#[test]
fn sim_a_transaction_of_timers_that_a_lagging_end_hides_is_missed() {
    let world = World::calm(Limits::default());
    world.send(0, &entry(&key_of(TASK), Op::Park, 1));
    world.turns(20);
    let disk = world.instances[0].borrow().disk.clone();
    let (before, lagging) = (record(&*disk), end(&world));
    world.shared.time.advance_us(2 * 3_600_000_000);
    world.turns(20);
    let after = record(&*disk);
    let at = |record: &TaskRecord| record.inputs.iter().map(|input| input.offset_next).collect::<Vec<_>>();
    assert!(after.events > before.events && at(&after) == at(&before), "not timers alone: {before:?}, {after:?}");
    assert!(end(&world) > lagging, "nothing was logged");
    let content = disk.content(TASK);
    world.kill(0);
    world.shared.set_dead(0, false);
    let due = world.shared.broker.borrow().markers_due();
    due.iter().for_each(|id| world.shared.broker.borrow_mut().deliver_all(id));

    let restored = |times: u32| -> Result<Opening, Fault> {
        disk.drop_task(TASK);
        let mut reader = Lagging { inner: SimReader { shared: &world.shared, me: 0 }, end: lagging, times };
        let now_ms = world.shared.time.wall_ms();
        restore(&mut reader, &*disk, &world.shared.names, TASK, now_ms, &mut |_, _| Ok(()))
    };
    restored(2).expect("it is there with the third look");
    assert_eq!(disk.content(TASK), content, "a timer would fire again");

    let Err(Fault::Quarantine(why)) = restored(u32::MAX) else { panic!("opened without its last transaction") };
    let both = format!("with {} events handled, the state stands at {}", after.events, before.events);
    assert!(why.contains(&both), "{why}");

    // An older build has noted nothing beside its offsets.
    world.shared.broker.borrow_mut().group.events.clear();
    restored(u32::MAX).expect("nothing says that something is missing");
}
