//! `orderflow schema release`: adds what is new to schemas/released, and never changes what is there.

use catalog::Catalog;
use catalog::review::{self, Base, Bump, Level, Review};

use crate::commands::schema::{Root, contract, review::breaking, say, unreadable, wrong};

/// Adds new versions to schemas/released and its lock; refuses what a review refuses unless the major version is new
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only say what would be added
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    root: Root,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let root = &args.root.root;
    let catalog = Catalog::load(root).map_err(|problems| wrong(&problems))?;
    let review = review::review(&Base::Released, &contract(root)?)?;
    if refused(&review) {
        eprint!("{}", review::text(&review, false));
        return Err(breaking(&review).into());
    }
    let files = match args.dry_run {
        true => catalog::unreleased(&catalog, root),
        false => catalog::release(&catalog, root).map_err(|problem| unreadable(&problem))?,
    };
    let verb = if args.dry_run { "would add" } else { "added" };
    for path in &files {
        say(&format!("{verb} {}\n", path.display()))?;
    }
    if files.is_empty() {
        say("nothing is new\n")?;
    } else if !args.dry_run {
        eprintln!("hint: `make contract` gives the generated code the new versions");
    }
    Ok(())
}

/// Whether an error is left that no new major version declares.
fn refused(review: &Review) -> bool {
    let major = |name: &String| review.records.iter().any(|it| it.record == *name && it.bump_declared == Bump::Major);
    let errors = review.findings.iter().filter(|finding| finding.level == Level::Error);
    errors.into_iter().any(|finding| finding.records.is_empty() || !finding.records.iter().all(major))
}
