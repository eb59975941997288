//! `fuzz [PAIRS [SEED]]` puts random pairs of schemas to this crate and to Avro for Java; `answer` answers lines.
//!
//! A line is `{"name", "reader", "writer"}`; tests/servers/avro.sh runs Java.

mod duel;

use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use catalog::compat;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| arguments.get(at).map(|text| text.parse::<u64>());
    let ran = match (arguments.first().map(String::as_str), number(1), number(2)) {
        (Some("fuzz"), None | Some(Ok(_)), None | Some(Ok(_))) => fuzz(number(1), number(2)),
        (Some("answer"), None, None) => lines().and_then(|lines| print(lines.iter().map(|l| compat::answer(l)))),
        (Some("pairs"), Some(Ok(count)), Some(Ok(seed))) => print(duel::pairs(seed, count as usize)),
        _ => Err(io::Error::other("usage: compat fuzz [PAIRS [SEED]] | pairs PAIRS SEED | answer <lines")),
    };
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

type Number = Option<Result<u64, std::num::ParseIntError>>;

fn fuzz(count: Number, seed: Number) -> io::Result<()> {
    let count = count.and_then(Result::ok).unwrap_or(100_000) as usize;
    let seed = seed.and_then(Result::ok).unwrap_or_else(|| RandomState::new().hash_one("seed"));
    println!("seed {seed}: `make compat-fuzz SEED={seed} PAIRS={count}` repeats this");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let tally = duel::duel(&root, seed, count)?;
    println!("{tally}");
    match tally.wrong() {
        wrong if wrong.is_empty() => Ok(()),
        wrong => Err(io::Error::other(wrong.join("; "))),
    }
}

fn lines() -> io::Result<Vec<String>> {
    io::stdin().lines().collect()
}

fn print(lines: impl Iterator<Item = String>) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in lines {
        writeln!(out, "{line}")?;
    }
    out.flush()
}
