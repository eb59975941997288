//! `orderflow schema show`: a released schema.

use catalog::review;

use crate::commands::schema::{Root, contract, say};
use crate::failure::Failure;

/// Prints a released schema, whole in itself
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Record and version: PlaceOrder@1.0.0, state/Item@1.0.0; the newest without a version
    #[arg(value_name = "RECORD@VERSION")]
    what: String,
    #[command(flatten)]
    root: Root,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let contract = contract(&args.root.root)?;
    let (record, version) = match args.what.split_once('@') {
        Some((record, version)) => (record, Some(version)),
        None => (args.what.as_str(), None),
    };
    let steps = review::history(&contract.files, record)?;
    let found = match version {
        Some(version) => steps.iter().find(|step| step.version == version),
        None => steps.last(),
    };
    let Some(found) = found else { return Err(unknown(record, version, &steps).into()) };
    let text = contract.files.iter().find(|(path, _)| *path == found.file).map_or("", |(_, text)| text);
    say(text)
}

/// The error for a record or a version that was never released.
pub fn unknown(record: &str, version: Option<&str>, steps: &[review::Step]) -> Failure {
    match (version, steps) {
        (Some(version), [_, ..]) => {
            let versions: Vec<&str> = steps.iter().map(|step| step.version.as_str()).collect();
            let what = format!("record \"{record}\" has no release {version}");
            Failure::usage("no-such-release", what, format!("there are {}", versions.join(", ")))
        }
        _ => Failure::usage(
            "no-such-record",
            format!("record \"{record}\" was never released"),
            "names are those of the folders in schemas/released, such as PlaceOrder or state/Item",
        ),
    }
}
