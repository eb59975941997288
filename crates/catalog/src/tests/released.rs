//! Released schemas: kept for ever, numbered once.

use crate::tests::{Files, base, edited, parse, parsed};
use crate::{Catalog, LOCK_FILE, RELEASED_DIR, Rule, fingerprint, generate};

const ASK: &str = "schemas/ask.avsc";

/// The contract after `make contract`.
pub(super) fn with_releases(mut files: Files) -> Files {
    let generated = generate(&parsed(files.clone()));
    files.retain(|(path, _)| !path.starts_with(RELEASED_DIR));
    let released = generated.into_iter().map(|(path, text)| (path.to_string_lossy().into_owned(), text));
    files.extend(released.filter(|(path, _)| path.starts_with(RELEASED_DIR)));
    files
}

fn ids(catalog: &Catalog) -> Vec<(u32, String)> {
    let name = |it: &crate::Release| format!("{} {}", it.record, it.version);
    catalog.releases.iter().map(|it| (it.id, name(it))).collect()
}

fn check(rule: Rule, files: Files, what: &str) {
    let problems = parse(files).expect_err(what);
    assert!(problems.iter().any(|it| it.rule == rule && it.what.contains(what)), "{what}: {problems:#?}");
}

#[test]
fn a_release_adds_to_the_lock_and_changes_nothing_in_it() {
    let first = with_releases(base());
    let before = ids(&parsed(first.clone()));
    let second = edited(first, ASK, "\"version\": \"1.0.0\"", "\"version\": \"1.1.0\"");
    let third = with_releases(edited(second, ASK, "\"name\": \"again\"", "\"name\": \"anew\""));
    let after = ids(&parsed(third.clone()));
    assert_eq!(after[..before.len()], before[..]);
    assert_eq!(after[before.len()..], [(before.len() as u32 + 1, "Ask 1.1.0".to_owned())]);
    assert_eq!(with_releases(third.clone()), third, "a second run changes nothing");
}

#[test]
fn a_released_schema_may_not_change() {
    let changed = edited(with_releases(base()), ASK, "\"name\": \"again\"", "\"name\": \"anew\"");
    check(Rule::ReleasedChanged, changed, "schema \"Ask\" 1.0.0 is released; bump \"version\"");
    let embedded = edited(with_releases(base()), "schemas/shapes.avsc", "\"default\": 7", "\"default\": 8");
    check(Rule::ReleasedChanged, embedded, "schema \"Ask\" 1.0.0 is released");
}

#[test]
fn white_space_is_no_change() {
    parsed(edited(with_releases(base()), ASK, "\"fields\": [", "\"fields\":\n\n  ["));
}

#[test]
fn releases_and_lock_must_agree() {
    let released = with_releases(base());
    let text = format!("{RELEASED_DIR}Ask/1.0.0.avsc");
    let lost: Files = released.iter().filter(|(path, _)| *path != text).cloned().collect();
    check(Rule::ReleasedBroken, lost, "the file is missing");
    let renumbered = edited(released.clone(), LOCK_FILE, "\"id\": 2", "\"id\": 3");
    check(Rule::ReleasedBroken, renumbered, "entry 2 of local.lock.json has id 3");
    let tampered = edited(released.clone(), &text, "\"name\": \"who\"", "\"name\": \"whom\"");
    check(Rule::ReleasedBroken, tampered, "its fingerprint is");
    let mut unlisted = released;
    unlisted.push((format!("{RELEASED_DIR}Ask/0.9.0.avsc"), "{}".to_owned()));
    check(Rule::ReleasedBroken, unlisted, "the file is not in local.lock.json");
}

#[test]
fn fingerprints_are_those_of_the_avro_specification() {
    // From the specification's test data, share/test/data/schema-tests.txt.
    for (schema, expected) in [
        ("\"null\"", 7195948357588979594_i64),
        ("\"boolean\"", -6970731678124411036),
        ("\"int\"", 8247732601305521295),
        ("\"long\"", -3434872931120570953),
        ("\"string\"", -8142146995180207161),
    ] {
        assert_eq!(fingerprint(schema), Ok(expected.cast_unsigned()), "{schema}");
    }
    // As Java's SchemaNormalization (Avro 1.12.0) has it: logical types, defaults and docs do not count.
    assert_eq!(fingerprint(include_str!("base/normal.avsc")), Ok(0x02f3_e98a_8bfa_410a));
}

#[test]
fn a_release_adds_files_and_touches_no_other() {
    let root = std::env::temp_dir().join(format!("orderflow-release-{}", std::process::id()));
    let write = |files: &Files| {
        for (path, text) in files {
            let full = root.join(path);
            std::fs::create_dir_all(full.parent().expect("it has a folder")).expect("it can be made");
            std::fs::write(full, text).expect("it can be written");
        }
    };
    let released = || {
        let contract = crate::contract(&root).expect("it can be read");
        let below = contract.files.into_iter().filter(|(path, _)| path.starts_with(RELEASED_DIR) && path != LOCK_FILE);
        below.collect::<Files>()
    };
    let release = || {
        let catalog = Catalog::load(&root).expect("it is correct");
        let files = crate::release(&catalog, &root).expect("it can be released");
        (files.len(), std::fs::read_to_string(root.join(LOCK_FILE)).expect("there is a lock"))
    };
    write(&base());
    let (count, lock) = release();
    let first = released();
    assert_eq!(count, first.len() + 1);
    assert_eq!(release(), (0, lock.clone()), "a second run changes nothing");
    write(&edited(edited(base(), ASK, "1.0.0", "1.1.0"), ASK, "\"name\": \"again\"", "\"name\": \"anew\""));
    let (count, longer) = release();
    assert_eq!(count, 2, "a schema and the lock");
    let second = released();
    assert!(first.iter().all(|file| second.contains(file)), "a released file is never written again");
    assert!(longer.starts_with(lock.trim_end_matches("\n]\n")), "the lock only grows");
    std::fs::remove_dir_all(&root).expect("it can be removed");
}
