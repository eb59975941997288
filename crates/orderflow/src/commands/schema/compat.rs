//! `orderflow schema compat`: whether one schema reads what another wrote, as Java decides it.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use catalog::compat::{self, Schema};

use crate::commands::schema::say;
use crate::failure::Failure;

/// Whether a reader's schema reads what a writer's schema wrote, as Avro for Java decides it: exit code 1 when not
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The schema that reads; "-" is standard input
    #[arg(long, value_name = "FILE", required_unless_present = "batch", requires = "writer")]
    reader: Option<PathBuf>,
    /// The schema that wrote
    #[arg(long, value_name = "FILE", requires = "reader")]
    writer: Option<PathBuf>,
    /// JSON lines of {"name", "reader", "writer"}, answered by a line each; "-" is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["reader", "writer"])]
    batch: Option<PathBuf>,
    /// Print {"compatible", "errors": [{"type", "path", "message"}]}
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<()> {
    match (&args.batch, &args.reader, &args.writer) {
        (Some(file), ..) => batch(file),
        (None, Some(reader), Some(writer)) => pair(reader, writer, args.json),
        _ => {
            Err(Failure::usage("no-schemas", "two schemas are compared", "give --reader and --writer, or --batch")
                .into())
        }
    }
}

fn unreadable(path: &Path, why: impl std::fmt::Display) -> Failure {
    Failure::unreachable("unreadable", format!("{}: {why}", path.display()), "give a file with a schema as JSON")
}

fn open(path: &Path) -> anyhow::Result<Box<dyn Read>> {
    if path == Path::new("-") {
        return Ok(Box::new(std::io::stdin()));
    }
    Ok(Box::new(std::fs::File::open(path).map_err(|error| unreadable(path, error))?))
}

fn schema(path: &Path) -> anyhow::Result<Schema> {
    let mut text = String::new();
    open(path)?.read_to_string(&mut text).map_err(|error| unreadable(path, error))?;
    Ok(Schema::parse(&text).map_err(|error| unreadable(path, error))?)
}

fn pair(reader: &Path, writer: &Path, json: bool) -> anyhow::Result<()> {
    let report = compat::check(&schema(reader)?, &schema(writer)?)
        .map_err(|error| Failure::unreachable("cannot-compare", error.to_string(), "compare smaller schemas"))?;
    if json {
        say(&(serde_json::to_string(&report)? + "\n"))?;
    } else if report.compatible {
        say("compatible\n")?;
    } else {
        for error in &report.errors {
            say(&format!("{error}\n"))?;
        }
    }
    if report.compatible { Ok(()) } else { Err(incompatible(1).into()) }
}

fn incompatible(pairs: usize) -> Failure {
    let what = match pairs {
        1 => "the reader cannot read what the writer wrote".to_owned(),
        pairs => format!("{pairs} readers cannot read what their writers wrote"),
    };
    Failure::new("incompatible", what, "the paths are into the reader's schema")
}

fn batch(file: &Path) -> anyhow::Result<()> {
    let (mut pairs, mut bad, mut unknown) = (0, 0, 0);
    for line in BufReader::new(open(file)?).lines() {
        let line = line.map_err(|error| unreadable(file, error))?;
        if line.trim().is_empty() {
            continue;
        }
        pairs += 1;
        let answer = compat::answer(&line);
        say(&format!("{answer}\n"))?;
        match serde_json::from_str::<serde_json::Value>(&answer)?["compatible"].as_bool() {
            Some(true) => {}
            Some(false) => bad += 1,
            None => unknown += 1,
        }
    }
    match (unknown, bad) {
        (0, 0) if pairs == 0 => {
            let what = format!("{}: no line to answer", file.display());
            Err(Failure::unreachable("nothing-to-compare", what, "give one JSON object a line").into())
        }
        (0, 0) => Ok(()),
        (0, bad) => Err(incompatible(bad).into()),
        (unknown, _) => {
            let what = format!("{unknown} lines could not be compared");
            Err(Failure::unreachable("cannot-compare", what, "their answers say why").into())
        }
    }
}
