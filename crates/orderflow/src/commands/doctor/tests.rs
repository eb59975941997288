//! What each finding looks like, without a broker.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::shell::kafka::{Ends, Found, Group, GroupProtocol, GroupState, Member, Waiting};

use super::{Check, Verdict, broker, flow, judged, line, local, schemas, summary, tasks, transactions};
use crate::failure::Failure;
use crate::options::Protocol;
use crate::processors;
use crate::survey::{Input, Partition, Standing};

fn config(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn has(check: &Check, verdict: Verdict, words: &str) {
    let text = line(check);
    assert!(check.verdict == verdict && text.contains(words), "{verdict:?} \"{words}\" was expected: {text}");
    assert_eq!(
        check.next.is_empty(),
        verdict == Verdict::Ok,
        "a next step where one is needed, and only there: {text}"
    );
}

#[test]
fn group_protocols() {
    let protocols = "group.coordinator.rebalance.protocols";
    let (consumer, classic) = (Protocol::Consumer, Protocol::Classic);
    let ask = |pairs: &[(&str, &str)], protocol| broker::groups(&config(pairs), protocol);
    let both = [("group.consumer.assignors", "uniform,range"), (protocols, "classic,consumer")];
    has(&ask(&both, consumer), Verdict::Ok, "KIP-848");
    has(&ask(&both[..1], consumer), Verdict::Ok, "KIP-848");
    has(&ask(&[], consumer), Verdict::Fail, "--group-protocol classic");
    has(&ask(&[], classic), Verdict::Ok, "classic");
    has(&ask(&[both[0], (protocols, "classic")], consumer), Verdict::Fail, "is off");
    has(&ask(&[("group.consumer.assignors", "uniform")], consumer), Verdict::Fail, "\"range\"");
}

#[test]
fn transaction_timeouts() {
    let ask = |value| broker::transactions(&config(&[("transaction.max.timeout.ms", value)]));
    has(&ask("900000"), Verdict::Ok, "900,000");
    has(&ask("5000"), Verdict::Fail, "refuses our transactions");
    has(&broker::transactions(&config(&[])), Verdict::Warn, "transaction.max.timeout.ms");
}

#[test]
fn replicas() {
    let ask = |replicas, least: &str, brokers| {
        let found = Found { replicas, config: config(&[("min.insync.replicas", least)]), ..Found::default() };
        let mut checks = broker::replicas(&BTreeMap::from([("orders.v1".to_owned(), found)]), brokers);
        assert_eq!(checks.len(), 1);
        checks.remove(0)
    };
    has(&ask(1, "1", 1), Verdict::Ok, "1 replica");
    has(&ask(3, "2", 3), Verdict::Ok, "3 replicas");
    has(&ask(1, "1", 3), Verdict::Warn, "what its broker loses is lost");
    has(&ask(2, "2", 3), Verdict::Warn, "one broker down stops all writes");
    has(&ask(3, "1", 3), Verdict::Warn, "a write may be lost");
    has(&ask(1, "2", 3), Verdict::Fail, "no write can succeed");
}

#[test]
fn limits_of_topics() {
    let found = |pairs: &[(&str, &str, &str)]| {
        let mut found: BTreeMap<String, Found> = BTreeMap::new();
        for (topic, name, value) in pairs {
            found.entry((*topic).to_owned()).or_default().config.insert((*name).to_owned(), (*value).to_owned());
        }
        found
    };
    has(&flow::sizes(&found(&[("orders.v1", "max.message.bytes", "1048588")])), Verdict::Ok, "262,144");
    has(&flow::sizes(&found(&[("orders.v1", "max.message.bytes", "100000")])), Verdict::Fail, "\"orders.v1\"");
    let (day, month) = ("86400000", "2592000000");
    let kept = |input, order| {
        let topics = [("orders.v1", "retention.ms", input), ("fulfilment-order", "retention.ms", order)];
        flow::retention(&found(&topics))
    };
    has(&kept(month, month), Verdict::Ok, "outlive");
    has(&kept(month, "-1"), Verdict::Ok, "outlive");
    has(&kept(day, month), Verdict::Fail, "less than the dedup window of \"fulfilment\" (7 d 0 h)");
    has(&kept("-1", month), Verdict::Fail, "a reset could not follow it");
}

/// Order-intake with these members (instance, host, tasks), and a partition that stands so.
fn intake(members: &[(&str, &str, u32)], committed: Option<i64>, first: i64, waiting: u64) -> Standing {
    let topology = processors::find("order-intake").expect("declared").topology();
    let topic = topology.inputs[0].topic;
    let member = |(instance, host, tasks): &(&str, &str, u32)| Member {
        instance: (*instance).to_owned(),
        host: (*host).to_owned(),
        assigned: (0..*tasks).map(|task| (topic.to_owned(), task)).collect(),
    };
    let members: Vec<Member> = members.iter().map(member).collect();
    let ends = Ends { first, last_stable_offset: 50, high_watermark: 50 };
    let waiting = Waiting { records: waiting, exact: true, oldest_ms: None };
    let partitions = vec![Partition { partition: 0, committed, ends, waiting }];
    let state = if members.is_empty() { GroupState::Empty } else { GroupState::Stable };
    let group = Group { name: topology.name.into(), state, consumer_protocol: Some(true), members };
    Standing { topology, group, inputs: vec![Input { topic, partitions }] }
}

#[test]
fn groups() {
    let ask = |standing: Standing| flow::group(&standing, GroupProtocol::Consumer, 0);
    has(&ask(intake(&[("a-0", "x", 12)], Some(40), 0, 10)), Verdict::Ok, "1 member, 12/12 tasks, lag 10");
    has(&ask(intake(&[], Some(40), 0, 0)), Verdict::Warn, "no members, lag 0");
    has(&ask(intake(&[], Some(40), 0, 10)), Verdict::Fail, "`orderflow run order-intake` starts it");
    has(&ask(intake(&[], None, 0, 0)), Verdict::Warn, "never ran");
    has(&ask(intake(&[("a-0", "x", 5)], Some(40), 0, 10)), Verdict::Warn, "5/12 tasks");
    has(&ask(intake(&[("a-0", "x", 12)], Some(40), 45, 5)), Verdict::Fail, "records were lost unread");
    let twins = intake(&[("a-0", "x", 6), ("a-1", "y", 6)], Some(50), 0, 0);
    // The tasks of the second are those of the first here, which does not matter: the name does.
    has(&ask(twins), Verdict::Warn, "instance \"a\" runs on x and y");
    let classic = flow::group(&intake(&[("a-0", "x", 12)], Some(50), 0, 0), GroupProtocol::Classic, 0);
    has(&classic, Verdict::Warn, "its members speak the consumer group protocol");
    let many: Vec<String> = (0..13).map(|at| format!("a-{at}")).collect();
    let many: Vec<(&str, &str, u32)> = many.iter().map(|name| (name.as_str(), "x", 12)).collect();
    has(&ask(intake(&many, Some(50), 0, 0)), Verdict::Warn, "1 have nothing to do");
}

#[test]
fn partitions_that_nobody_reads() {
    let mut standing = intake(&[("a-0", "x", 12)], Some(50), 0, 0);
    assert_eq!(standing.unread(), None);
    let waiting = Waiting { records: 7, exact: true, oldest_ms: None };
    let beyond = Partition { partition: 14, committed: None, waiting, ..standing.inputs[0].partitions[0] };
    standing.inputs[0].partitions.push(beyond);
    let check = flow::group(&standing, GroupProtocol::Consumer, 0);
    has(&check, Verdict::Fail, "has 15 partitions, topics.yaml says 12: nobody reads partitions 12 to 14, lag 7");
}

#[test]
fn transactions_that_hang() {
    let at = |partition| ("orders.v1".to_owned(), partition);
    let ends = |stable, high| Ends { first: 0, last_stable_offset: stable, high_watermark: high };
    let before = BTreeMap::from([(at(0), ends(5, 9)), (at(1), ends(5, 9)), (at(2), ends(5, 9))]);
    let now = BTreeMap::from([(at(0), ends(5, 12)), (at(1), ends(7, 9)), (at(2), ends(5, 5))]);
    let stuck = transactions::still(before, &now);
    assert_eq!(stuck.keys().collect::<Vec<_>>(), [&at(0)], "one moved, one ended");
    let check = transactions::hanging(&stuck, "broker:9092", Duration::from_secs(15));
    has(&check, Verdict::Fail, "holds back 1 partition: orders.v1/0 from offset 5 on");
    has(&check, Verdict::Fail, "abort --topic orders.v1 --partition 0 --start-offset 5");
}

#[test]
fn long_lists_are_cut() {
    assert_eq!(flow::named(&["a", "b", "c"]), "a, b, c");
    assert_eq!(flow::named(&["a", "b", "c", "d"]), "a, b, c, …");
}

#[test]
fn what_a_registry_lacks() {
    let names = ["a 1.0.0".to_owned(), "b 1.0.0".to_owned()];
    let ask = |found, remembered| schemas::compare("http://registry", &names, found, remembered);
    let fine = ask(&[Some(1), Some(2)], &[Some(1), None]);
    has(&fine[0], Verdict::Ok, "has all 2 schemas; 1 id as the lock file remembers");
    has(&ask(&[Some(1), None], &[None, None])[0], Verdict::Fail, "lacks 1 of 2 schemas: b 1.0.0");
    has(&ask(&[Some(1), Some(2)], &[Some(7), Some(2)])[0], Verdict::Fail, "id 1, the lock file remembers 7");
}

#[test]
fn folders() {
    let folder = tempfile::tempdir().expect("a folder");
    has(&local::data(folder.path()), Verdict::Ok, "no instance uses it");
    has(&local::data(&folder.path().join("a/b")), Verdict::Ok, "does not exist yet");
    let store = folder.path().join("fulfilment/state");
    std::fs::create_dir_all(&store).expect("a folder");
    let file = std::fs::File::create(store.join("db")).expect("a file");
    file.lock().expect("nobody else has it");
    has(&local::data(folder.path()), Verdict::Ok, "in use by fulfilment");
    // Not even a superuser can.
    has(&local::data(std::path::Path::new("/proc")), Verdict::Fail, "cannot be written");
}

#[test]
fn a_failure_outweighs_what_could_not_be_checked() {
    let (ok, fail) = (Check::ok("a", "b"), Check::fail("a", "b", "c"));
    let unknown = Check::unknown("a", &Failure::unreachable("x", "y", "z").into());
    let exit =
        |checks: &[Check]| judged(checks).err().map(|error| error.downcast_ref::<Failure>().expect("a failure").exit);
    assert_eq!(exit(std::slice::from_ref(&ok)), None);
    assert_eq!(exit(&[ok.clone(), unknown.clone()]), Some(3));
    assert_eq!(exit(&[ok.clone(), unknown.clone(), fail.clone()]), Some(1));
    assert_eq!(summary(&[ok, unknown, fail]), "1 fine, 1 failure, 1 not checked");
}

#[test]
fn letters_of_a_wrong_partitioner_are_named() {
    let counts = |codes: &[(&str, u64)]| -> flow::LetterCounts {
        codes.iter().map(|(code, count)| (("item-lookup".to_owned(), (*code).to_owned()), *count)).collect()
    };
    let none = flow::letters(&counts(&[]));
    assert_eq!(none.len(), 1);
    has(&none[0], Verdict::Ok, "none");
    let other = flow::letters(&counts(&[("invalid", 2)]));
    assert_eq!(other.len(), 1);
    has(&other[0], Verdict::Warn, "item-lookup 2 invalid");
    let both = flow::letters(&counts(&[("invalid", 2), ("wrong-partition", 3)]));
    assert_eq!(both.len(), 2);
    has(&both[0], Verdict::Warn, "5 dead letters");
    has(&both[1], Verdict::Warn, "3 records in a partition that its key does not belong to");
    has(&both[1], Verdict::Warn, "murmur2_random");
}

#[test]
fn tasks_that_would_not_open() {
    let topology = processors::find("fulfilment").expect("there is one").topology();
    let of = |tasks: &[u32]| {
        let why = |task: &u32| (*task, format!("task {task}: offsets differ; hint: stop the other member"));
        tasks::check(topology, &tasks.iter().map(why).collect())
    };
    has(&of(&[]), Verdict::Ok, "\"fulfilment\": all 12 fit");
    has(&of(&[3]), Verdict::Fail, "\"fulfilment\" does not open task 3: offsets differ");
    has(&of(&[3]), Verdict::Fail, "stop the other member");
    has(&of(&[3, 4, 7]), Verdict::Fail, "so do 2 others");
}

#[test]
fn dead_letter_topics_take_every_letter() {
    const BATCH: usize = 4 << 10;
    let mut dead_letters = 0;
    for topic in crate::topics::built_in() {
        if topic.kind == catalog::TopicKind::DeadLetter {
            dead_letters += 1;
            let takes: usize = topic.config["max.message.bytes"].parse().expect("a number");
            assert!(takes >= engine::core::letter::LETTER_BYTES_MAX + BATCH, "{}: {takes}", topic.name);
        }
    }
    assert_eq!(dead_letters, processors::ALL.len());
}
