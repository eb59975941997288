//! `orderflow schema pull`: what a registry has and schemas/released has not.

use std::collections::BTreeSet;
use std::path::PathBuf;

use catalog::registration::{plan, subjects};

use crate::commands::schema::{Root, held, released, say};
use crate::failure::Failure;
use crate::options::Place;
use crate::registry;

/// Lists what a registry has that nobody released here: exit code 1 when there is something
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write each of them as DIR/SUBJECT/VERSION.avsc, to look at and to release
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    #[command(flatten)]
    root: Root,
}

/// Runs the command.
pub fn run(args: &Args, place: &Place) -> anyhow::Result<()> {
    let catalog = released(&args.root.root)?;
    let registry = registry::named(place)?;
    let ours = subjects(&catalog);
    let mut count = 0;
    for subject in &ours {
        for foreign in plan(subject, &held(&registry, &subject.name)?, None).foreign {
            count += 1;
            say(&format!("{} version {} (id {})\n", subject.name, foreign.version, foreign.id))?;
            if let Some(folder) = &args.to {
                let folder = folder.join(&subject.name);
                std::fs::create_dir_all(&folder)?;
                std::fs::write(folder.join(format!("{}.avsc", foreign.version)), foreign.text + "\n")?;
            }
        }
    }
    let known: BTreeSet<&str> = ours.iter().map(|subject| subject.name.as_str()).collect();
    let others = registry.subjects().map_err(registry::failed)?;
    let others: Vec<&String> = others.iter().filter(|name| !known.contains(name.as_str())).collect();
    for name in &others {
        say(&format!("{name} is no subject of topics.yaml\n"))?;
    }
    if count > 0 {
        let what = format!("{count} versions are registered that nobody released here");
        let hint = "add them to schemas/ as versions of their own and run `orderflow schema release`";
        return Err(Failure::new("registry-foreign", what, hint).into());
    }
    say(&format!("nothing is missing here; {} subjects of others\n", others.len()))
}
