//! Two loads on one log: each verdict is about its own.

use engine::core::headers;
use engine::shell::client::Message;

use super::model::{Flaw, World};
use super::{broken, read, without};
use crate::load::{Counts, LOAD, Manifest};

/// What one of two loads sent.
fn part(both: &Manifest, seed: u64, at: usize) -> Manifest {
    let mut order = both.orders[at].clone();
    order.lines.iter_mut().for_each(|line| line.item = 0);
    let counts = Counts { items: 1, orders: 1, lines: 1, commands: 3, garbage: 1, ..Counts::default() };
    let mut manifest = Manifest {
        counts,
        items: vec![both.items[at].clone()],
        orders: vec![order],
        garbage: vec![both.garbage[at].clone()],
        ..both.clone()
    };
    manifest.trouble.seed = seed;
    manifest
}

/// The records of two loads, of seed 0 and of seed 8.
fn both() -> (Manifest, Vec<Message>) {
    let mut world = World::new(Flaw::None, &[("part-0-1", 100, false, false), ("part-8-1", 70, false, false)]);
    for (load, item) in [("0", "part-0-1"), ("8", "part-8-1")] {
        world.receive(item, 10);
        world.register(item);
        world.place(&format!("order-{load}-1"), 1, &[(item, 3)]);
        world.garbage("item-requests.v1", 0, None, Some(load.as_bytes()));
        let header = || headers::owned(LOAD, load);
        world.log.iter_mut().rev().take(2).for_each(|message| message.headers.push(header()));
    }
    (world.manifest, world.log)
}

#[test]
fn a_load_is_judged_beside_another_one() {
    let (manifest, log) = both();
    let (first, second) = (part(&manifest, 0, 0), part(&manifest, 8, 1));
    let reader = read(&log);
    for manifest in [&first, &second] {
        let verdict = reader.judge(manifest);
        assert!(verdict.holds() && reader.done(manifest), "{:#?}", verdict.laws);
        assert_eq!((verdict.completed, verdict.dead_letters), (1, 1));
    }
}

#[test]
fn what_one_load_lacks_another_one_does_not_make_up_for() {
    let (manifest, log) = both();
    let (first, second) = (part(&manifest, 0, 0), part(&manifest, 8, 1));
    for at in (0..log.len()).filter(|at| log[*at].header("record") == "Completed") {
        let reader = read(without(&log, at));
        let done = [&first, &second].map(|manifest| (reader.done(manifest), reader.judge(manifest).holds()));
        assert!(done.contains(&(true, true)) && done.contains(&(false, false)), "{done:?}");
    }
}

#[test]
fn what_nobody_sent_is_found_beside_another_load() {
    let (manifest, log) = both();
    let mut none = part(&manifest, 8, 1);
    (none.orders, none.items, none.garbage) = (Vec::new(), Vec::new(), Vec::new());
    let broken = broken(&read(&log).judge(&none));
    assert!(broken.contains(&"nothing-twice") && broken.contains(&"garbage"), "{broken:?}");
}
