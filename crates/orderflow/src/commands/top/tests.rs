//! The screen in several sizes and states, and the rates that it shows.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use engine::shell::kafka::{Ends, Group, GroupState, Member, Waiting};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::draw::draw;
use super::model::{Model, Sample, Sort, Update};
use super::pressed;
use crate::processors;
use crate::survey::{Input, Partition, Standing};

const NOW_MS: i64 = 1_800_000_000_000;

/// Every processor with a member, each of its partitions committed up to `committed` and with `waiting` records.
fn standings(committed: i64, waiting: u64) -> Vec<Standing> {
    let standing = |known: &processors::Known| {
        let topology = known.topology();
        let all = || (0..topology.partitions).collect::<Vec<_>>();
        let inputs = topology.inputs.iter().map(|input| {
            let partition = |partition| Partition {
                partition,
                committed: Some(committed),
                ends: Ends { first: 0, last_stable_offset: committed + waiting as i64, high_watermark: committed },
                waiting: Waiting {
                    records: waiting,
                    exact: waiting < 1_000,
                    oldest_ms: (waiting > 0).then_some(NOW_MS - 4_200 - i64::from(partition)),
                },
            };
            Input { topic: input.topic, partitions: all().into_iter().map(partition).collect() }
        });
        let assigned =
            topology.inputs.iter().flat_map(|input| all().into_iter().map(|at| (input.topic.to_owned(), at)));
        let member = Member { assigned: assigned.collect(), ..Member::default() };
        let name = topology.name.to_owned();
        let group = Group { name, state: GroupState::Stable, consumer_protocol: Some(true), members: vec![member] };
        Standing { topology, group, inputs: inputs.collect() }
    };
    processors::ALL.iter().map(standing).collect()
}

fn sample(at_ms: u64, committed: i64, written: i64, waiting: u64) -> Update {
    let topics = contract::TOPICS.iter().filter(|topic| topic.name.ends_with(".v1"));
    let written: BTreeMap<&str, i64> = topics.map(|topic| (topic.name, written)).collect();
    let dead = BTreeMap::from([("item-lookup", 1_234)]);
    Update::Sample(Box::new(Sample { at_ms, standings: standings(committed, waiting), written, dead }))
}

fn model() -> Model {
    Model::new("127.0.0.1:9092", Duration::from_secs(1), NOW_MS)
}

/// A flow under load, seen several times.
fn busy() -> Model {
    let mut model = model();
    for look in 0..30i64 {
        let moved = look * look * 5;
        model.take(sample(look as u64 * 1_000, moved, moved * 100, 1_500), NOW_MS);
    }
    model
}

fn screen(model: &Model, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a screen in memory");
    terminal.draw(|frame| draw(frame, model, NOW_MS)).expect("it draws");
    terminal.backend().to_string()
}

#[test]
fn every_size_has_its_screen() {
    let model = busy();
    for (width, height) in [(120, 40), (80, 24), (40, 12)] {
        insta::assert_snapshot!(format!("busy_{width}x{height}"), screen(&model, width, height));
    }
    for (width, height) in [(1, 1), (12, 3), (300, 80)] {
        screen(&model, width, height);
    }
}

#[test]
fn every_state_has_its_screen() {
    insta::assert_snapshot!("nothing_known_yet", screen(&model(), 80, 24));

    let mut idle = model();
    idle.take(sample(0, 10, 10, 0), NOW_MS);
    let Update::Sample(mut second) = sample(1_000, 10, 10, 0) else { unreachable!("just made") };
    second.standings[1].group.members.clear();
    second.standings[2].group.members[0].assigned.retain(|(_, task)| *task < 5);
    idle.take(Update::Sample(second), NOW_MS);
    insta::assert_snapshot!("nobody_works_on_one", screen(&idle, 80, 24));

    let mut gone = busy();
    gone.answered_ms = NOW_MS - 23_000;
    insta::assert_snapshot!("broker_gone", screen(&gone, 80, 24));
    gone.take(Update::Trouble(None), NOW_MS);
    assert!(screen(&gone, 80, 24).contains("the broker has not answered for 23 s"));
    gone.take(Update::Trouble(Some("topic \"orders.v1\" does not exist; `orderflow topics apply`".into())), NOW_MS);
    assert!(screen(&gone, 80, 24).contains("\"orders.v1\" does not exist"));

    let mut helped = busy();
    (helped.help, helped.paused, helped.sort) = (true, true, Sort::Lag);
    insta::assert_snapshot!("help_while_paused", screen(&helped, 80, 24));
}

#[test]
fn rates_follow_from_two_looks() {
    let mut model = model();
    model.take(sample(0, 100, 1_000, 0), NOW_MS);
    assert_eq!(model.rows[0].in_rate, None, "one look has no rate");
    model.take(sample(2_000, 110, 1_300, 0), NOW_MS);
    // 12 partitions of one input, 10 offsets each, in 2 s; item-lookup has two inputs.
    assert_eq!(model.rows.iter().map(|row| row.in_rate).collect::<Vec<_>>(), [Some(60.0), Some(120.0), Some(120.0)]);
    // Of what order-intake writes, item-requests.v1 is fulfilment's, too, and does not count.
    assert_eq!(model.rows.iter().map(|row| row.out_rate).collect::<Vec<_>>(), [Some(150.0), Some(300.0), Some(150.0)]);
    assert_eq!(model.topics[0].rate, Some(150.0));
    model.take(sample(3_000, 110, 0, 0), NOW_MS);
    assert_eq!(model.topics[0].rate, None, "created anew");
    assert_eq!(model.topics[0].history, VecDeque::from([150.0]));
}

#[test]
fn a_paused_screen_stands_still_and_knows_that_the_broker_answers() {
    let mut model = busy();
    let before = model.rows.clone();
    model.paused = true;
    model.take(sample(31_000, 9_999_999, 0, 7), NOW_MS + 60_000);
    assert_eq!(model.rows, before);
    assert_eq!(model.silent_ms(NOW_MS + 60_500), None);
    assert_eq!(model.silent_ms(NOW_MS + 70_000), Some(10_000));
}

#[test]
fn keys_do_what_the_last_line_says() {
    use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
    let mut model = busy();
    let mut press = |code| pressed(&mut model, KeyEvent::new(code, KeyModifiers::NONE));
    assert!(!press(KeyCode::Char('?')) && !press(KeyCode::Esc), "the first Esc closes the help");
    assert!(press(KeyCode::Esc) && press(KeyCode::Char('q')));
    assert!(!press(KeyCode::Char('p')) && !press(KeyCode::Char('s')) && !press(KeyCode::Char('x')));
    assert!(pressed(&mut model, KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)));
    assert!(model.paused && !model.help && model.sort == Sort::Lag);
    // By lag: item-lookup and fulfilment have two inputs, order-intake one.
    assert_eq!(model.sorted().iter().map(|row| row.name).next_back(), Some("order-intake"));
}
