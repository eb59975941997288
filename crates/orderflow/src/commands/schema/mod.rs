//! `orderflow schema`: what a change of schemas/ and topics.yaml does to whoever reads and writes.

mod check;
mod compat;
mod git;
mod history;
mod pull;
pub mod register;
mod release;
mod review;
mod show;

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use catalog::registration::Held;
use catalog::review::Contract;
use catalog::{Catalog, Problem, Rule};
use engine::shell::registry::Registry;

use crate::failure::Failure;
use crate::options::Place;
use crate::registry;

/// Schemas: review a change, compare, release, look back
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    Review(review::Args),
    Compat(compat::Args),
    Check(check::Args),
    Release(release::Args),
    Register(register::Args),
    Pull(pull::Args),
    Show(show::Args),
    History(history::Args),
}

/// Where topics.yaml and schemas/ are.
#[derive(Debug, clap::Args)]
pub struct Root {
    /// The folder of topics.yaml and schemas/
    #[arg(long, value_name = "DIR", default_value = ".")]
    root: PathBuf,
}

/// Runs the command.
pub fn run(command: &Command, place: &Place) -> anyhow::Result<()> {
    match command {
        Command::Review(args) => review::run(args, place),
        Command::Compat(args) => compat::run(args),
        Command::Check(args) => check::run(args),
        Command::Release(args) => release::run(args),
        Command::Register(args) => register::run(args, place),
        Command::Pull(args) => pull::run(args, place),
        Command::Show(args) => show::run(args),
        Command::History(args) => history::run(args),
    }
}

/// Writes data to standard output. A reader that has seen enough is no error.
fn say(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// topics.yaml and schemas/ below a folder.
fn contract(root: &Path) -> anyhow::Result<Contract> {
    Ok(catalog::contract(root).map_err(|problem| unreadable(&problem))?)
}

/// A catalog of which every version is released.
fn released(root: &Path) -> anyhow::Result<Catalog> {
    let catalog = Catalog::load(root).map_err(|problems| wrong(&problems))?;
    let open = catalog::unreleased(&catalog, root);
    if open.is_empty() {
        return Ok(catalog);
    }
    let names: Vec<String> = open.iter().map(|path| path.display().to_string()).collect();
    let what = format!("not released yet: {}", names.join(", "));
    Err(Failure::new("unreleased", what, "`orderflow schema release` first").into())
}

/// What a registry holds of a subject.
fn held(registry: &Registry, subject: &str) -> anyhow::Result<Vec<Held>> {
    let versions = registry.versions(subject).map_err(registry::failed)?;
    Ok(versions.into_iter().map(|it| Held { version: it.version, id: it.id, text: it.text }).collect())
}

fn unreadable(problem: &Problem) -> Failure {
    let what = format!("{}: {}", problem.file, problem.what);
    Failure::unreachable(
        "unreadable",
        what,
        "run it where topics.yaml and schemas/ are, or name the folder with --root",
    )
}

/// Prints what is wrong with the contract and says so as one error.
fn wrong(problems: &[Problem]) -> anyhow::Error {
    if let Some(problem) = problems.iter().find(|problem| problem.rule == Rule::FileUnreadable) {
        return unreadable(problem).into();
    }
    for problem in problems {
        eprintln!("{problem}");
    }
    let count = problems.len();
    let what = format!("{count} finding{} in topics.yaml and schemas/", if count == 1 { "" } else { "s" });
    Failure::new("contract", what, "each finding says what to do").into()
}
