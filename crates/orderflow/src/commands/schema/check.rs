//! `orderflow schema check`: lint, releases and generated files, without a network.

use catalog::Catalog;

use crate::commands::schema::{Root, say, unreadable, wrong};
use crate::failure::Failure;

/// Lints topics.yaml and schemas/, and that releases and generated code agree with them; needs no network
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    root: Root,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let root = &args.root.root;
    let catalog = Catalog::load(root).map_err(|problems| wrong(&problems))?;
    let stale = catalog::check(&catalog, root).map_err(|problem| unreadable(&problem))?;
    if stale.is_empty() {
        let (topics, releases) = (catalog.topics.len(), catalog.releases.len());
        return say(&format!("{topics} topics and {releases} releases agree with what is generated from them\n"));
    }
    for path in &stale {
        say(&format!("{}\n", path.display()))?;
    }
    let what = match stale.len() {
        1 => "1 generated file is not what the schemas say".to_owned(),
        count => format!("{count} generated files are not what the schemas say"),
    };
    Err(Failure::new("stale", what, "`make contract` writes them").into())
}
