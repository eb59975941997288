//! Ids from the registry, and from the lock file in its place.

use std::path::Path;

use super::{Answer, Registry, RegistryError, Stub, open, said};
use crate::shell::registry::{Options, WireSchema};

const WIRE: [WireSchema<'static>; 2] = [
    WireSchema { subject: "orders.v1-a.Order", text: "{\"order\":1}", fingerprint: 0x0a },
    WireSchema { subject: "orders.v1-a.Line", text: "{\"line\":1}", fingerprint: 0xff00_0000_0000_0000 },
];

/// Knows the first `count` of [`WIRE`], with ids from `first`.
fn stub(count: usize, first: usize) -> Stub {
    Stub::start(move |request| {
        assert!(request.starts_with("POST /subjects/") && !request.contains("/versions"), "{request}");
        match WIRE.iter().position(|wire| request.contains(wire.subject)) {
            Some(at) if at < count => Answer::Json(200, format!("{{\"id\":{}}}", first + at)),
            _ => said(404, 40403, "Schema not found"),
        }
    })
}

/// The registry of this stub, which answers no more.
fn gone(stub: &Stub) -> Registry {
    stub.go_down();
    open(stub)
}

fn files(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

#[test]
fn the_lock_file_answers_when_the_registry_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let lock = folder.path().join("new").join("lock.json");
    let stub = stub(2, 5);
    let url = stub.url.replace("http://", "http://me:secret@");
    let ids = Registry::open(&url, Options::default()).unwrap().ids(&WIRE, &lock).unwrap();
    assert_eq!((ids.len(), ids[&0x0a], ids[&0xff00_0000_0000_0000]), (2, 5, 6));
    let text = std::fs::read_to_string(&lock).unwrap();
    assert!(text.contains(&format!("\"registry\": \"{}\"", stub.url)) && !text.contains("secret"), "{text}");
    assert!(text.contains("\"fingerprint\": \"000000000000000a\"") && text.ends_with("}\n"), "{text}");
    assert_eq!(files(lock.parent().unwrap()), ["lock.json"], "nothing is left behind");

    let registry = gone(&stub);
    assert_eq!(registry.ids(&WIRE, &lock).unwrap(), ids);
    let changed = [WIRE[0], WireSchema { fingerprint: 0x0b, ..WIRE[1] }];
    let error = registry.ids(&changed, &lock).unwrap_err().to_string();
    assert!(error.contains("lacks \"orders.v1-a.Line\";"), "{error}");
    assert!(error.contains("start the registry, or run once with it"), "{error}");
}

#[test]
fn a_lock_file_that_is_no_help_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let lock = folder.path().join("lock.json");
    let why = |registry: &Registry| match registry.ids(&WIRE, &lock) {
        Err(RegistryError::LockIncomplete { lack, .. }) => lack,
        other => panic!("{other:?}"),
    };
    let down = stub(2, 5);
    let registry = gone(&down);
    assert_eq!(why(&registry), "does not exist");
    std::fs::write(&lock, "{").unwrap();
    assert!(why(&registry).starts_with("is unreadable: "));
    let other = stub(2, 5);
    assert_eq!(open(&other).ids(&WIRE, &lock).unwrap().len(), 2, "an unreadable lock file is written anew");
    assert_eq!(why(&registry), format!("is of registry \"{}\"", other.url));
    assert_ne!(registry.lock_name(), open(&other).lock_name());
}

#[test]
fn what_the_registry_lacks_refuses_the_start_and_leaves_the_lock_file() {
    let folder = tempfile::tempdir().unwrap();
    let lock = folder.path().join("lock.json");
    let stub = stub(1, 5);
    open(&stub).ids(&WIRE[..1], &lock).unwrap();
    let before = std::fs::read(&lock).unwrap();
    let error = open(&stub).ids(&WIRE, &lock).unwrap_err().to_string();
    assert!(error.starts_with("refuse to start: ") && error.contains("no schema for \"orders.v1-a.Line\";"), "{error}");
    assert!(error.contains("hint: `orderflow topics apply --registry URL` registers them"), "{error}");
    assert_eq!(std::fs::read(&lock).unwrap(), before);
}

#[test]
fn processors_share_a_lock_file_and_the_newest_id_counts() {
    let folder = tempfile::tempdir().unwrap();
    let lock = folder.path().join("lock.json");
    let first = stub(2, 5);
    open(&first).ids(&WIRE[..1], &lock).unwrap();
    open(&first).ids(&WIRE[1..], &lock).unwrap();
    let registry = gone(&first);
    assert_eq!(registry.ids(&WIRE, &lock).unwrap()[&0x0a], 5);

    // The registry is set up anew under the same URL: as if, by an edited lock file.
    let text = std::fs::read_to_string(&lock).unwrap();
    let second = stub(2, 50);
    std::fs::write(&lock, text.replace(registry.url(), &second.url)).unwrap();
    open(&second).ids(&WIRE[..1], &lock).unwrap();
    let ids = gone(&second).ids(&WIRE, &lock).unwrap();
    assert_eq!((ids[&0x0a], ids[&0xff00_0000_0000_0000]), (50, 6));
}

#[test]
fn a_lock_file_that_cannot_be_written_does_not_stop_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let stub = stub(2, 5);
    assert_eq!(open(&stub).ids(&WIRE, &file.join("lock.json")).unwrap().len(), 2);
}
