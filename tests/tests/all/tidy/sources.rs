//! Rules of Rust sources: how they begin, how long they are, and what they may name.

use std::collections::BTreeMap;

use super::code::{is_word, lines_naming, lines_of_tests, without_tests};
use super::tree::{File, Tree};

/// Lines of a file. Two rooms are easier to read than one hall.
const LINES_MAX: usize = 500;
/// Lines of the file in which a processor decides, and of the whole processor, tests not counted.
const HANDLER_LINES_MAX: usize = 149;
const PROCESSOR_LINES_MAX: usize = 349;

/// Every .rs file begins with a `//!` sentence; a generated one after its header line.
pub fn begins_with_a_sentence(tree: &Tree) -> Vec<String> {
    let wrong = |file: &&File| {
        let first = file.text.lines().nth(usize::from(file.generated())).unwrap_or_default();
        first.strip_prefix("//! ").is_none_or(|said| said.len() < 10)
    };
    tree.below("", ".rs").filter(wrong).map(|file| file.at(1, "does not begin with a sentence after //!")).collect()
}

/// No file is longer than [`LINES_MAX`]; generated ones are as long as the contract.
pub fn is_not_too_long(tree: &Tree) -> Vec<String> {
    let sources = tree.below("", ".rs").filter(|file| !file.generated());
    let long = sources.map(|file| (file, file.text.lines().count())).filter(|(_, lines)| *lines > LINES_MAX);
    long.map(|(file, lines)| format!("{}: {lines} lines, at most {LINES_MAX}", file.path)).collect()
}

/// A processor decides in fewer than 150 lines, its lib.rs, and reads in one sitting as a whole; tests are not counted.
pub fn processor_is_short(tree: &Tree) -> Vec<String> {
    let mut lines: BTreeMap<&str, usize> = BTreeMap::new();
    for file in tree.below("processors/", ".rs").filter(|file| !file.of_tests()) {
        let name = file.path.split('/').nth(1).unwrap_or_default();
        *lines.entry(name).or_default() += file.text.lines().count() - lines_of_tests(&file.text);
    }
    let handlers = tree
        .below("processors/", "/src/lib.rs")
        .map(|file| (file, file.text.lines().count() - lines_of_tests(&file.text)));
    let handlers = handlers.filter(|(_, lines)| *lines > HANDLER_LINES_MAX);
    let long = lines.into_iter().filter(|(_, lines)| *lines > PROCESSOR_LINES_MAX);
    let long = long.map(|(name, lines)| format!("processors/{name}: {lines} lines, at most {PROCESSOR_LINES_MAX}"));
    long.chain(handlers.map(|(file, lines)| format!("{}: {lines} lines, at most {HANDLER_LINES_MAX}", file.path)))
        .collect()
}

/// What a pure function cannot name, and why.
const IMPURE: &[(&str, &str)] = &[
    ("std::time", "a clock"),
    ("std::env", "the environment"),
    ("std::fs", "files"),
    ("std::io", "files"),
    ("std::net", "the network"),
    ("std::thread", "threads"),
    ("std::process", "processes"),
    ("std::sync", "state outside of its arguments"),
    ("std::cell", "state outside of its arguments"),
    ("std::collections::HashMap", "hash order, which differs from run to run"),
    ("std::collections::HashSet", "hash order, which differs from run to run"),
];

/// A processor names nothing that is not a function of its arguments.
pub fn processor_is_pure(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for file in tree.below("processors/", ".rs").filter(|file| !file.of_tests()) {
        found.extend(naming(file, IMPURE));
        let code = without_tests(&file.text);
        let statics = code.lines().enumerate().filter(|(_, line)| {
            let mut words = line.split(|c| !is_word(c));
            words.any(|word| matches!(word, "static" | "thread_local" | "unsafe")) && !line.contains("'static")
        });
        found.extend(statics.map(|(at, _)| file.at(at + 1, "state outside of its arguments")));
    }
    found
}

/// What the core cannot name, and why.
const UNDECIDED: &[(&str, &str)] = &[
    ("crate::shell", "the shell, which carries out and does not decide"),
    ("super::shell", "the shell, which carries out and does not decide"),
    ("super::super::shell", "the shell, which carries out and does not decide"),
    ("std::time", "a clock"),
    ("std::env", "the environment"),
    ("std::fs", "files"),
    ("std::io", "files"),
    ("std::net", "the network"),
    ("std::thread", "threads"),
    ("std::process", "processes"),
    ("rand", "chance"),
    ("sled", "a store"),
    ("rdkafka", "a broker"),
    ("tokio", "a runtime"),
    ("reqwest", "the network"),
    ("tracing", "the log: an action says what happened"),
    ("metrics", "metrics: counts are returned"),
];

/// `crates/engine/src/core` names neither the shell nor anything that does I/O, tells the time or rolls dice.
pub fn core_is_pure(tree: &Tree) -> Vec<String> {
    tree.below("crates/engine/src/core/", ".rs").flat_map(|file| naming(file, UNDECIDED)).collect()
}

/// The files that may name sled: the store and the embedded log.
const SLED: &[&str] = &[
    "crates/engine/src/shell/sled_db.rs",
    "crates/engine/src/shell/sled_disk.rs",
    "crates/engine/src/shell/embedded/log.rs",
];

/// Only the store and the embedded log name sled, and only `shell/kafka` names rdkafka.
pub fn stays_behind_its_door(tree: &Tree) -> Vec<String> {
    let ours =
        tree.below("", ".rs").filter(|file| !file.path.starts_with("tests/") && !file.path.starts_with("bench/"));
    let at_the_door = |file: &File, library: &str| match library {
        "sled" => SLED.contains(&file.path.as_str()),
        _ => file.path.starts_with("crates/engine/src/shell/kafka/"),
    };
    let libraries =
        [("sled", "is known to the store and to the embedded log alone"), ("rdkafka", "is known to shell/kafka alone")];
    ours.flat_map(|file| {
        libraries
            .iter()
            .filter(|(library, _)| !at_the_door(file, library))
            .flat_map(|ban| naming(file, &[*ban]))
            .collect::<Vec<_>>()
    })
    .collect()
}

/// Only the driver tells the core something.
pub fn only_the_driver_steps(tree: &Tree) -> Vec<String> {
    let others = tree
        .below("crates/", ".rs")
        .filter(|file| !file.path.starts_with("crates/engine/src/shell/driver") && !file.of_tests());
    let calls = |file: &File| {
        let code = without_tests(&file.text);
        let lines = code
            .lines()
            .enumerate()
            .filter(|(_, line)| line.contains("worker.step(") || line.contains("Worker::step("));
        lines.map(|(at, _)| file.at(at + 1, "calls the core past the driver")).collect::<Vec<_>>()
    };
    others.flat_map(calls).collect()
}

/// Libraries do not print: standard output belongs to the binary's data.
pub fn libraries_do_not_print(tree: &Tree) -> Vec<String> {
    let library = |file: &&File| {
        let crates =
            ["crates/flow/", "crates/contract/", "crates/engine/", "crates/catalog/", "crates/sim/", "processors/"];
        crates.iter().any(|start| file.path.starts_with(start)) && !file.of_tests()
    };
    macros(tree.below("", ".rs").filter(library), &["println", "print", "eprintln", "eprint", "dbg"])
}

/// Nothing in the engine and in flow panics on a value that is not there.
pub fn does_not_unwrap(tree: &Tree) -> Vec<String> {
    let sources = tree.below("crates/engine/src/", ".rs").chain(tree.below("crates/flow/src/", ".rs"));
    let calls = |file: &File| {
        let code = without_tests(&file.text);
        let lines =
            code.lines().enumerate().filter(|(_, line)| line.contains(".unwrap()") || line.contains(".expect("));
        lines.map(|(at, _)| file.at(at + 1, "unwrap() or expect()")).collect::<Vec<_>>()
    };
    sources.filter(|file| !file.of_tests()).flat_map(calls).collect()
}

/// Nothing is left to do: no note to oneself, no stub.
pub fn nothing_is_left_to_do(tree: &Tree) -> Vec<String> {
    // In two halves, so that this file keeps its own rule.
    let notes = [("TO", "DO"), ("FIX", "ME"), ("XX", "X"), ("HA", "CK"), ("TB", "D"), ("place", "holder")];
    let notes = notes.map(|(a, b)| format!("{a}{b}"));
    let mut found = macros(tree.below("", ".rs"), &["todo", "unimplemented"]);
    for file in tree.files.iter().filter(|file| !file.path.ends_with(".lock")) {
        for (at, line) in file.lines() {
            let mut words = line.split(|c| !is_word(c));
            let word = words.find(|word| notes.iter().any(|note| note == word));
            found.extend(word.map(|word| file.at(at, format_args!("\"{word}\""))));
        }
    }
    found
}

fn naming(file: &File, bans: &[(&str, &str)]) -> Vec<String> {
    let code = without_tests(&file.text);
    let named = |(path, why): &(&str, &str)| {
        let what = format!("`{path}`: {why}");
        lines_naming(&code, path).into_iter().map(|line| file.at(line, &what)).collect::<Vec<_>>()
    };
    bans.iter().flat_map(named).collect()
}

fn macros<'t>(files: impl Iterator<Item = &'t File>, banned: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        for (at, line) in without_tests(&file.text).lines().enumerate() {
            let called = banned.iter().find(|name| {
                let call = format!("{name}!");
                line.match_indices(&call).any(|(at, _)| !line[..at].ends_with(is_word))
            });
            found.extend(called.map(|name| file.at(at + 1, format_args!("{name}!"))));
        }
    }
    found
}
