//! `orderflow schema review`: who breaks, why, in which order to deploy, and what to do.

use std::io::IsTerminal;

use catalog::review::{self, Base, Level, Review};

use crate::commands::schema::{Root, contract, git, say};
use crate::failure::Failure;

/// Compares schemas/ and topics.yaml with what they were: exit code 1 when something breaks, 3 when it cannot be told
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to compare with: a git ref such as "origin/main", or "released"
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
pub fn run(args: &Args) -> anyhow::Result<()> {
    let now = contract(&args.root.root)?;
    let base = base(args)?;
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

fn base(args: &Args) -> anyhow::Result<Base> {
    match args.against.as_str() {
        "released" => Ok(Base::Released),
        url if url.starts_with("http://") || url.starts_with("https://") => Err(Failure::unreachable(
            "no-registry-review",
            "a review against a registry is not offered",
            "compare with \"released\", which is what this checkout registers, or with a git ref",
        )
        .into()),
        name => Ok(Base::Contract(name.to_owned(), git::contract(&args.root.root, name)?)),
    }
}
