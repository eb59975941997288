//! topics.yaml changes between two starts: the dedup window keeps what the new one says.

use engine::core::pace::Limits;
use flow::Topology;
use sim::ledger::{DOUBLED, HALVED, Op, TOPOLOGY, WINDOW_MS};
use sim::scenario::{entry, key_of};
use sim::world::World;

/// Ids are handled one eighth of the window after the other; then the process starts again with another map, on the disk
/// that it had or on none, and each of them comes again.
fn again_under(topology: &'static Topology, disk_kept: bool) -> Vec<bool> {
    let world = World::calm(Limits::default());
    let key = key_of(0);
    let eighth_ms = WINDOW_MS / 8;
    for number in 0..8 {
        world.send(number, &entry(&key, Op::Add, 1));
        world.turns(6);
        world.shared.time.advance_us(eighth_ms as u64 * 1_000);
    }
    world.must_be_right();
    if disk_kept {
        world.instances[0].borrow().disk.flush();
        world.instances[0].borrow().disk.flush_state();
    }
    world.kill(0);
    if !disk_kept {
        world.instances[0].borrow_mut().disk = Default::default();
    }
    world.shared.topology.set(topology);
    world.start(0);
    world.turns(10);
    let before = world.story(&key).len();
    // Log time goes on by one eighth with what comes now.
    world.send(100, &entry(&key, Op::Add, 1));
    for number in 0..8 {
        world.send(number, &entry(&key, Op::Add, 1));
    }
    world.must_be_right();
    let known = 9 - (world.story(&key).len() - before);
    (0..8).map(|number| number >= 8 - known).collect()
}

#[test]
fn sim_a_change_of_the_window_between_two_starts_forgets_what_the_new_window_leaves_out_and_no_more() {
    for disk_kept in [true, false] {
        let known = |topology| again_under(topology, disk_kept).into_iter().filter(|known| *known).count();
        let (same, halved, doubled) = (known(&TOPOLOGY), known(&HALVED), known(&DOUBLED));
        assert_eq!((same, doubled), (8, 8), "disk kept: {disk_kept}");
        assert!((4..=5).contains(&halved), "disk kept: {disk_kept}: {halved} of the last eight");
    }
}

/// What the narrower window has forgotten, the wider one cannot know: a repetition from there is set aside, not handled again.
#[test]
fn sim_a_window_that_becomes_wider_does_not_take_what_it_cannot_know_for_new() {
    let world = World::calm(Limits::default());
    let key = key_of(0);
    let sent_ms = world.shared.time.wall_ms();
    world.send(0, &entry(&key, Op::Add, 1));
    world.turns(6);
    world.shared.time.advance_us(WINDOW_MS as u64 * 1_500);
    world.send(1, &entry(&key, Op::Add, 1));
    world.must_be_right();
    world.kill(0);
    world.shared.topology.set(&DOUBLED);
    world.start(0);
    world.turns(10);
    world.send_at(0, &entry(&key, Op::Add, 1), sent_ms);
    world.must_be_right();
    assert_eq!(world.story(&key).len(), 2, "handled twice");
    assert_eq!(world.letters(), [("too-old".to_owned(), 2, "entries.v1".to_owned())]);
}

#[test]
fn sim_a_window_that_becomes_narrower_agrees_with_the_model() {
    let world = World::calm(Limits::default());
    let mut sent = 0;
    for round in 0..12 {
        world.shared.topology.set([&DOUBLED, &TOPOLOGY, &HALVED][round / 4]);
        world.kill(0);
        world.start(0);
        for _ in 0..12 {
            let key = key_of(sent as u32 % 3);
            world.send(sent, &entry(&key, Op::Add, 1));
            // Some of them come again, up to three windows later.
            for back in [3, 11, 29] {
                if sent >= back {
                    world.send(sent - back, &entry(&key_of((sent - back) as u32 % 3), Op::Add, 1));
                }
            }
            sent += 1;
            world.turns(4);
            world.shared.time.advance_us(WINDOW_MS as u64 * 50);
        }
        world.must_be_right();
    }
}
