//! The planner: a cluster as it was made has nothing to do, and every way to differ has its answer.

use std::collections::BTreeMap;

use crate::plan::{Live, Plan, Setting, Wish, plan};
use crate::tests::{base, parsed};

type Cluster = BTreeMap<String, Live>;

const WISH: Wish = Wish { replicas: 1, retention_shrink: false };

/// The cluster that the base contract declares, with what a broker adds to it.
fn cluster() -> Cluster {
    let set = |value: &str, own| Setting { value: value.to_owned(), own };
    let live = |spec: crate::TopicSpec| {
        let mut config: BTreeMap<String, Setting> =
            spec.config.into_iter().map(|(name, value)| (name, set(&value, true))).collect();
        config.insert("segment.ms".into(), set("604800000", false));
        (spec.name, Live { partitions: spec.partitions, replicas: 1, config })
    };
    parsed(base()).topics().into_iter().map(live).collect()
}

fn set(cluster: &mut Cluster, topic: &str, name: &str, value: &str) {
    let live = cluster.get_mut(topic).unwrap_or_else(|| panic!("no topic {topic}"));
    live.config.insert(name.into(), Setting { value: value.into(), own: true });
}

fn planned(cluster: &Cluster, wish: Wish) -> Plan {
    plan(&parsed(base()).topics(), cluster, wish)
}

#[test]
fn a_cluster_that_is_as_declared_has_nothing_to_do() {
    let found = planned(&cluster(), WISH);
    assert_eq!(found, Plan { as_declared: 9, ..Plan::default() });
    assert!(found.is_empty());
}

#[test]
fn an_empty_cluster_is_created_whole() {
    insta::assert_snapshot!(planned(&Cluster::new(), WISH));
}

#[test]
fn changes_say_from_what_to_what_and_why() {
    let mut cluster = cluster();
    cluster.remove("reader-dlq");
    set(&mut cluster, "asks.v1", "retention.ms", "86400000");
    set(&mut cluster, "answers.v1", "max.message.bytes", "1000");
    set(&mut cluster, "keeper-changelog", "cleanup.policy", "delete");
    set(&mut cluster, "reader-changelog", "cleanup.policy", "delete,compact");
    set(&mut cluster, "reader-changelog", "retention.bytes", "5000");
    set(&mut cluster, "reader-changelog", "retention.ms", "60000");
    set(&mut cluster, "things.v1", "message.timestamp.type", "LogAppendTime");
    set(&mut cluster, "things.v1", "delete.retention.ms", "1000");
    set(&mut cluster, "things.v1", "compression.type", "gzip");
    set(&mut cluster, "asks.v1", "message.timestamp.after.max.ms", "3600000");
    insta::assert_snapshot!(planned(&cluster, WISH));
}

#[test]
fn what_would_lose_records_or_their_order_is_refused() {
    let mut cluster = cluster();
    cluster.get_mut("answers.v1").expect("it is there").partitions = 6;
    set(&mut cluster, "asks.v1", "retention.ms", "-1");
    set(&mut cluster, "things.v1", "cleanup.policy", "delete");
    set(&mut cluster, "keeper-order", "cleanup.policy", "compact");
    insta::assert_snapshot!(planned(&cluster, WISH));
    let allowed = planned(&cluster, Wish { retention_shrink: true, ..WISH });
    assert_eq!(allowed.refused.len(), 1, "partitions are never changed: {allowed}");
    insta::assert_snapshot!("allowed", allowed);
}

#[test]
fn a_broker_that_does_not_know_a_property_is_as_declared() {
    let mut cluster = cluster();
    for live in cluster.values_mut() {
        live.config.retain(|name, _| !name.starts_with("message.timestamp.") || name.ends_with(".type"));
    }
    assert_eq!(planned(&cluster, WISH), Plan { as_declared: 9, ..Plan::default() });
}

#[test]
fn drift_is_named_and_left() {
    let mut cluster = cluster();
    set(&mut cluster, "asks.v1", "segment.ms", "1000");
    for topic in ["asks.v2", "asks.v", "asks.vx", "payments.v1", "writer-changelog", "_schemas", "__consumer_offsets"] {
        cluster.insert(topic.into(), Live::default());
    }
    let found = planned(&cluster, Wish { replicas: 3, ..WISH });
    assert!(found.is_empty() && found.refused.is_empty(), "{found}");
    assert_eq!((found.foreign, found.as_declared), (5, 9));
    let all = found.drift.iter().filter(|drift| drift.what.contains("replica")).count();
    assert_eq!(all, 9);
    let found = planned(&cluster, WISH);
    insta::assert_snapshot!(found);
    let json = serde_json::to_string_pretty(&found).expect("a plan has no map with keys that are no texts");
    insta::assert_snapshot!("drift_as_json", json);
}
