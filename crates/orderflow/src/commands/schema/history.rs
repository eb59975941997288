//! `orderflow schema history`: every released version of a record, and what changed in it.

use catalog::review;

use crate::commands::schema::{Root, contract, say, show};

/// Prints every released version of a record and what changed in each
#[derive(Debug, clap::Args)]
pub struct Args {
    /// PlaceOrder, or state/Item for what a processor remembers
    record: String,
    #[command(flatten)]
    root: Root,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let contract = contract(&args.root.root)?;
    let steps = review::history(&contract.files, &args.record)?;
    if steps.is_empty() {
        return Err(show::unknown(&args.record, None, &steps).into());
    }
    for (at, step) in steps.iter().enumerate() {
        say(&format!("{} {}\n", step.version, step.file))?;
        for change in &step.changes {
            let name = if change.path.is_empty() { String::new() } else { format!("{}: ", change.path) };
            say(&format!("  {} {name}{}\n", change.sign, change.what))?;
        }
        if step.changes.is_empty() && at > 0 {
            say("  the same but for its version\n")?;
        }
    }
    Ok(())
}
