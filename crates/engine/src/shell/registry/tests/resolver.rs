//! The thread that answers what workers wait for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::super::Options;
use super::{Answer, Stub, open, record, said, schema};
use crate::core::io::Framed;
use crate::shell::registry::resolver::Line;
use crate::shell::schemas::{Resolved, SchemaCache, Schemas};

fn value(id: u8) -> Vec<u8> {
    vec![0, 0, 0, 0, id, 1, 2]
}

/// What a worker sees of the id: `None` while it is to wait.
fn look(schemas: &Schemas, id: u8) -> Option<Result<String, u32>> {
    match SchemaCache::default().resolve(schemas, Some(&value(id))) {
        Resolved::Framed(Framed::Known(schema)) => Some(Ok(schema.record.clone())),
        Resolved::Framed(Framed::Unknown(id)) => Some(Err(id)),
        Resolved::Framed(Framed::Unframed) => panic!("framed"),
        Resolved::Pending(_) => None,
    }
}

fn eventually(what: &str, mut probe: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !probe() {
        assert!(Instant::now() < deadline, "waited for {what}");
        sleep(Duration::from_millis(5));
    }
}

#[test]
fn ids_are_answered_by_the_registry_alone() {
    let up = Arc::new(AtomicBool::new(false));
    let is_up = up.clone();
    let stub = Stub::start(move |request| match request.split('?').next() {
        _ if !is_up.load(Ordering::SeqCst) => said(503, 503, "starting"),
        Some("GET /schemas/ids/1") => schema(&record("Order")),
        Some("GET /schemas/ids/3") => schema("\"string\""),
        _ => said(404, 40403, "Schema not found"),
    });
    let schemas = Schemas::new([], true);
    assert!((1..=3).all(|id| look(&schemas, id).is_none()));
    let resolver = open(&stub).resolver(schemas.clone()).unwrap();
    eventually("three tries", || stub.requests().len() >= 3);
    assert!((1..=3).all(|id| look(&schemas, id).is_none()), "a registry that is down says nothing about an id");

    up.store(true, Ordering::SeqCst);
    eventually("all answers", || (1..=3).all(|id| schemas.is_answered(id)));
    assert_eq!(look(&schemas, 1), Some(Ok("Order".to_owned())));
    assert_eq!(look(&schemas, 2), Some(Err(2)));
    let unusable = "schema id 3, unusable: an Avro schema, but of no record";
    assert_eq!(look(&schemas, 3), Some(Ok(unusable.to_owned())), "no topic lists such a record");
    assert!(look(&schemas, 1).is_some() && schemas.wanted().is_empty());
    resolver.stop();
}

#[test]
fn an_id_that_always_fails_does_not_starve_the_others() {
    let stub = Stub::start(|request| match request.starts_with("GET /schemas/ids/1?") {
        true => said(500, 50001, "this one is broken"),
        false => schema(&record("Order")),
    });
    let schemas = Schemas::new([], true);
    assert!((1..=3).all(|id| look(&schemas, id).is_none()));
    let _resolver = open(&stub).resolver(schemas.clone()).unwrap();
    eventually("the other two", || schemas.is_answered(2) && schemas.is_answered(3));
    assert!(look(&schemas, 1).is_none());
}

#[test]
fn a_call_in_flight_does_not_hold_the_stop() {
    let stub = Stub::start(|_| Answer::Hang);
    let schemas = Schemas::new([], true);
    assert!(look(&schemas, 1).is_none());
    let resolver = open(&stub).resolver(schemas.clone()).unwrap();
    eventually("the call", || !stub.requests().is_empty());
    let begun = Instant::now();
    resolver.stop();
    assert!(begun.elapsed() < Options::default().timeout, "{:?}", begun.elapsed());
    assert!(look(&schemas, 1).is_none());
}

#[test]
fn going_down_and_coming_back_are_news_once() {
    let mut line = Line::default();
    assert!(line.answered().is_none());
    assert_eq!((line.failed(), line.failed(), line.failed()), (true, false, false));
    assert!(line.answered().is_some() && line.answered().is_none());
    assert!(line.failed());
}

#[test]
fn the_pause_doubles_up_to_five_seconds_less_at_most_half() {
    let mut line = Line::default();
    assert_eq!(line.pause(), Duration::from_millis(100));
    for whole_ms in [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000] {
        line.failed();
        let pause = line.pause();
        assert!(pause > Duration::from_millis(whole_ms / 2) && pause <= Duration::from_millis(whole_ms), "{pause:?}");
    }
    let pauses: std::collections::HashSet<Duration> = (0..50).map(|_| line.pause()).collect();
    assert!(pauses.len() > 10, "{pauses:?}");
    line.answered();
    assert_eq!(line.pause(), Duration::from_millis(100));
}
