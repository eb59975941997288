//! `orderflow schema review`: who breaks, why, in which order to deploy, and what to do.

use std::io::IsTerminal;

use catalog::registration;
use catalog::review::{self, Base, Contract, Level, Review};

use crate::commands::schema::{Root, contract, git, held, say};
use crate::failure::Failure;
use crate::options::Place;
use crate::registry;

/// Compares schemas/ and topics.yaml with what they were: exit code 1 when something breaks, 3 when it cannot be told
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to compare with: a git ref such as "origin/main", "released", or a schema registry
    #[arg(long, value_name = "REF|released|URL")]
    against: String,
    /// Form of the answer: "github" is annotations for a workflow, "markdown" a comment for a pull request
    #[arg(long, value_name = "FORM", default_value = "text")]
    format: Form,
    #[command(flatten)]
    root: Root,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    Text,
    Markdown,
    Json,
    Github,
    Junit,
}

/// Runs the command.
pub fn run(args: &Args, place: &Place) -> anyhow::Result<()> {
    let now = contract(&args.root.root)?;
    let base = base(args, place, &now)?;
    let review = review::review(&base, &now).map_err(|error| {
        let hint = "compare with a state in which topics.yaml and schemas/ were correct";
        Failure::unreachable("cannot-compare", error.to_string(), hint)
    })?;
    say(&match args.format {
        Form::Text => review::text(&review, std::io::stdout().is_terminal()),
        Form::Markdown => review::markdown(&review),
        Form::Json => review::json(&review),
        Form::Github => review::github(&review),
        Form::Junit => review::junit(&review),
    })?;
    if review.breaks() { Err(breaking(&review).into()) } else { Ok(()) }
}

/// The error of a review that found some.
pub fn breaking(review: &Review) -> Failure {
    let count = review.count(Level::Error);
    let what = format!("{count} error{} against {}", if count == 1 { "" } else { "s" }, review.against);
    Failure::new("breaking", what, "each finding says who breaks and how to mend it")
}

/// What a registry holds. One that does not answer, or that holds what nobody released, is no base for a verdict.
fn elsewhere(url: &str, place: &Place, now: &Contract) -> anyhow::Result<Base> {
    let registry = registry::open(url, place)?;
    let mut all = Vec::new();
    for subject in registry.subjects().map_err(registry::failed)? {
        let versions = held(&registry, &subject)?;
        all.push((subject, versions));
    }
    let newest = registration::newest(&now.yaml, &now.files, &all).map_err(|foreign| {
        let hint = "`orderflow schema pull` fetches what nobody released here; release it, then review";
        Failure::unreachable("registry-foreign", foreign.join("\n  "), hint)
    })?;
    if newest.is_empty() {
        let what = format!("schema registry \"{}\" holds none of our subjects", registry.url());
        return Err(Failure::unreachable(
            "registry-empty",
            what,
            "is it the right one? `orderflow schema register` fills it",
        )
        .into());
    }
    let texts = newest.into_iter().map(|it| (it.record, it.from, it.text)).collect();
    Ok(Base::Elsewhere(registry.url().to_owned(), texts))
}

fn base(args: &Args, place: &Place, now: &Contract) -> anyhow::Result<Base> {
    match args.against.as_str() {
        "released" => Ok(Base::Released),
        url if url.starts_with("http://") || url.starts_with("https://") => elsewhere(url, place, now),
        name => Ok(Base::Contract(name.to_owned(), git::contract(&args.root.root, name)?)),
    }
}
