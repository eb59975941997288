//! Pairs of schemas that nearly fit, put to this crate and to Apache's Avro for Java, and how the two answered.

mod generate;
mod mutate;
pub mod random;

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;

use serde_json::{Value, json};

// Whoever has this module says what is put to the test, since catalog's own tests cannot name it as others do.
use super::compat;
use random::Random;

/// Of a hundred pairs that this crate's parser refuses, so many are kept.
const REFUSED_KEPT: usize = 12;

/// Pairs as JSON lines, the same for the same seed: a random schema, and the same after one to three small changes.
pub fn pairs(seed: u64, count: usize) -> impl Iterator<Item = String> {
    (0..count).map(move |at| {
        let mut random = Random::new(seed ^ (at as u64).wrapping_mul(0xD134_2543_DE82_EF95));
        pair(&format!("{seed}/{at}"), &mut random)
    })
}

fn pair(name: &str, random: &mut Random) -> String {
    loop {
        let before = generate::schema(random);
        let mut after = before.clone();
        for _ in 0..1 + random.below(3) {
            // A schema without enums has no symbol to change: another change is chosen.
            while !mutate::mutate(&mut after, random) {}
        }
        let parses = [&before, &after].into_iter().all(|schema| compat::Schema::from_json(schema).is_ok());
        if parses || random.percent(REFUSED_KEPT) {
            let (reader, writer) = if random.percent(50) { (before, after) } else { (after, before) };
            return json!({"name": name, "reader": reader, "writer": writer}).to_string();
        }
    }
}

/// How the answers to many pairs were.
#[derive(Debug, Default)]
pub struct Tally {
    pub pairs: usize,
    pub compatible: usize,
    pub incompatible: usize,
    /// Both sides say that a schema is none, or that two cannot be compared.
    pub refused: usize,
    /// Errors by kind, as Java names it.
    pub kinds: BTreeMap<String, usize>,
    pub disagreements: usize,
    /// The first few of them: the pair, our answer, Java's.
    pub shown: Vec<String>,
}

const SHOWN_MAX: usize = 10;

impl Tally {
    fn add(&mut self, line: &str, java: &str) {
        let ours = compat::answer(line);
        self.pairs += 1;
        let (Ok(a), Ok(b)) = (serde_json::from_str::<Value>(&ours), serde_json::from_str::<Value>(java)) else {
            return self.disagree(line, &ours, java);
        };
        if !agree(&a, &b) {
            return self.disagree(line, &ours, java);
        }
        match b["compatible"].as_bool() {
            Some(true) => self.compatible += 1,
            Some(false) => self.incompatible += 1,
            None => self.refused += 1,
        }
        for error in b["errors"].as_array().into_iter().flatten() {
            *self.kinds.entry(error["type"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
        }
    }

    fn disagree(&mut self, line: &str, ours: &str, java: &str) {
        self.disagreements += 1;
        if self.shown.len() < SHOWN_MAX {
            self.shown.push(format!("pair {line}\nours {ours}\njava {java}"));
        }
    }

    /// What is wrong: a disagreement, or pairs that show too little.
    pub fn wrong(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if self.disagreements > 0 {
            wrong.push(format!("{} disagreements", self.disagreements));
        }
        if self.incompatible * 100 < self.pairs * 30 {
            wrong.push("fewer than 30 % of the pairs are incompatible".to_owned());
        }
        if self.refused * 100 > self.pairs * 20 {
            wrong.push("more than 20 % of the pairs are refused".to_owned());
        }
        let kinds = [
            "NAME_MISMATCH",
            "FIXED_SIZE_MISMATCH",
            "MISSING_ENUM_SYMBOLS",
            "READER_FIELD_MISSING_DEFAULT_VALUE",
            "TYPE_MISMATCH",
            "MISSING_UNION_BRANCH",
        ];
        // 500 in 100,000; a short run may miss that by chance, so nothing is asked of one that is too short to show it.
        let least = if self.pairs >= 20_000 { self.pairs / 200 } else { 1 };
        for kind in kinds {
            if self.kinds.get(kind).copied().unwrap_or_default() < least {
                wrong.push(format!("fewer than {least} of {kind}"));
            }
        }
        wrong
    }
}

/// Whether two answers are the same; why a schema is refused, each says in its own words.
pub fn agree(ours: &Value, java: &Value) -> bool {
    let refused = |answer: &Value| answer.get("error").is_some();
    ours["name"] == java["name"]
        && refused(ours) == refused(java)
        && (refused(ours) || ours["compatible"] == java["compatible"] && ours["errors"] == java["errors"])
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = |count: usize| count as f64 * 100.0 / self.pairs.max(1) as f64;
        for shown in &self.shown {
            writeln!(f, "{shown}")?;
        }
        writeln!(f, "pairs         {:>8}", self.pairs)?;
        writeln!(f, "compatible    {:>8}  {:.1} %", self.compatible, share(self.compatible))?;
        writeln!(f, "incompatible  {:>8}  {:.1} %", self.incompatible, share(self.incompatible))?;
        writeln!(f, "refused       {:>8}  {:.1} %", self.refused, share(self.refused))?;
        for (kind, count) in &self.kinds {
            writeln!(f, "  {kind:<36} {count:>8}")?;
        }
        write!(f, "disagreements {:>8}", self.disagreements)
    }
}

/// Lines that are with Java at the same time; more than its pipe and our buffer hold, so that none waits in them.
const UNDER_WAY_MAX: usize = 4096;

/// Puts the lines to Java, `root` being the checkout's root, and hands over each with Java's answer, in order.
pub fn ask_java(
    root: &Path,
    lines: impl Iterator<Item = String> + Send,
    mut answered: impl FnMut(&str, &str),
) -> io::Result<()> {
    let script = root.join("tests/servers/avro.sh");
    let mut java = Command::new(script).arg("run").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let (Some(input), Some(output)) = (java.stdin.take(), java.stdout.take()) else {
        return Err(io::Error::other("avro.sh has no pipes"));
    };
    let (asked, asking) = mpsc::sync_channel::<String>(UNDER_WAY_MAX);
    std::thread::scope(|scope| {
        // In a thread of its own: Java answers while it is still being asked.
        let feeder = scope.spawn(move || -> io::Result<()> {
            let mut input = BufWriter::new(input);
            for line in lines {
                writeln!(input, "{line}")?;
                // Nobody listens any more when Java has ended too early.
                if asked.send(line).is_err() {
                    break;
                }
            }
            input.flush()
        });
        for answer in BufReader::new(output).lines() {
            match asking.recv() {
                Ok(line) => answered(&line, &answer?),
                Err(_) => break,
            }
        }
        drop(asking);
        feeder.join().map_err(|_| io::Error::other("the thread that asks Java panicked"))?
    })?;
    let ended = java.wait()?;
    if ended.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!("avro.sh run: {ended}; `make servers` fetches it")))
    }
}

/// Puts random pairs to both.
pub fn duel(root: &Path, seed: u64, count: usize) -> io::Result<Tally> {
    let mut tally = Tally::default();
    ask_java(root, pairs(seed, count), |line, java| tally.add(line, java))?;
    if tally.pairs != count {
        return Err(io::Error::other(format!("Java answered {} of {count} pairs", tally.pairs)));
    }
    Ok(tally)
}
