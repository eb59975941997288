//! Avro for Java and catalog's own verdict on schemas: the committed answers are Java's, and random pairs are answered alike.

use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use catalog::compat;
use serde_json::Value;

#[path = "../../../crates/catalog/examples/compat/duel/mod.rs"]
mod duel;

const CORPUS: &str = include_str!("../../../crates/catalog/src/tests/compat/corpus.jsonl");
const ANSWERS: &str = include_str!("../../../crates/catalog/src/tests/compat/answers.jsonl");
const PAIRS: usize = 3_000;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn the_committed_answers_are_what_java_says() -> Result<()> {
    let mut committed = ANSWERS.lines();
    let mut changed = Vec::new();
    duel::ask_java(&root(), CORPUS.lines().map(str::to_owned), |line, java| {
        // The words in which Java refuses a schema change from one JDK to the next.
        let read = |text: &str| serde_json::from_str::<Value>(text).ok();
        match (committed.next().and_then(read), read(java)) {
            (Some(committed), Some(java)) if duel::agree(&committed, &java) => {}
            _ => changed.push(format!("{line}\n  java {java}")),
        }
    })?;
    ensure!(changed.is_empty(), "Java says something else of {}:\n{}", changed.len(), changed.join("\n"));
    ensure!(committed.next().is_none(), "there are more answers than evolutions");
    Ok(())
}

#[test]
fn random_pairs_are_answered_as_java_answers() -> Result<()> {
    let seed = RandomState::new().hash_one("seed");
    println!("seed {seed}: `make compat-fuzz SEED={seed} PAIRS={PAIRS}` repeats this");
    let tally = duel::duel(&root(), seed, PAIRS)?;
    println!("{tally}");
    ensure!(tally.wrong().is_empty(), "seed {seed}: {}", tally.wrong().join("; "));
    Ok(())
}

#[test]
fn a_wrong_answer_is_seen() -> Result<()> {
    let java: Value = serde_json::from_str(
        r#"{"name":"n","compatible":false,"errors":[{"type":"TYPE_MISMATCH","path":"/","message":"m"}]}"#,
    )?;
    assert!(duel::agree(&java, &java));
    for (place, other) in [("/name", "o"), ("/errors/0/type", "x"), ("/errors/0/path", "/a"), ("/errors/0/message", "")]
    {
        let mut ours = java.clone();
        *ours.pointer_mut(place).expect("it is there") = other.into();
        assert!(!duel::agree(&ours, &java), "{place}");
    }
    assert!(!duel::agree(&serde_json::json!({"name": "n", "error": "e"}), &java));
    let ours = compat::answer(r#"{"name":"n","reader":"int","writer":"long"}"#);
    assert!(!duel::agree(&serde_json::from_str(&ours)?, &java), "another message");
    Ok(())
}
