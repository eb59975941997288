//! `orderflow topics`: topics.yaml by itself, against a cluster, and onto it.

use std::path::{Path, PathBuf};

use catalog::plan::{Plan, Wish};
use catalog::registration;
use catalog::report::{Report, report};
use catalog::{Catalog, Level, Rule, TopicSpec};
use engine::shell::kafka::Admin;

use crate::commands::schema::register;
use crate::failure::Failure;
use crate::options::Place;
use crate::registry;
use crate::topics::{self, failed};

/// Topics: of topics.yaml and of the cluster
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Checks topics.yaml and schemas/: exit 0 fine, 1 findings, 3 not readable
    Lint {
        /// Folder with topics.yaml and schemas/
        #[arg(long, value_name = "DIR", default_value = ".")]
        root: PathBuf,
        /// Form of the findings; "github" annotates a pull request
        #[arg(long, value_name = "FORM", default_value = "text")]
        format: Format,
        /// Warnings count as errors
        #[arg(long)]
        strict: bool,
    },
    /// Shows what a cluster lacks, what would change, what is there besides: exit 0 can be applied, 1 refused
    Plan {
        #[command(flatten)]
        what: What,
        /// Prints the plan as JSON
        #[arg(long)]
        json: bool,
    },
    /// Carries out the plan, all of it or nothing, and registers the schemas where a registry is named
    Apply {
        #[command(flatten)]
        what: What,
        /// Shows the plan and changes nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// What topics.yaml lets each processor and each party do on a broker: shown, or put onto a cluster
    Acls(super::acls::Args),
}

/// What a cluster is to be like.
#[derive(Debug, clap::Args)]
pub struct What {
    /// Folder with topics.yaml and schemas/; without it, the contract that this binary was built with
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Replicas of each topic
    #[arg(long, env = "ORDERFLOW_REPLICATION", default_value_t = 1, value_parser = clap::value_parser!(i32).range(1..))]
    replication: i32,
    /// Plans changes, too, after which the broker deletes records that it keeps now
    #[arg(long)]
    allow_retention_shrink: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    Text,
    Json,
    Github,
}

/// Runs the command.
pub fn run(command: &Command, place: &Place) -> anyhow::Result<()> {
    match command {
        Command::Lint { root, format, strict } => lint(root, *format, *strict),
        Command::Plan { what, json } => {
            let (_, plan) = planned(what, place)?;
            if *json {
                outln!("{}", serde_json::to_string_pretty(&plan)?);
            } else {
                out!("{plan}");
            }
            topics::refusals(&plan)
        }
        Command::Apply { what, dry_run } => apply(what, *dry_run, place),
        Command::Acls(args) => super::acls::run(args, place),
    }
}

fn lint(root: &Path, format: Format, strict: bool) -> anyhow::Result<()> {
    let problems = Catalog::lint(root);
    let how = match format {
        Format::Text => Report::Text,
        Format::Json => Report::Json,
        Format::Github => Report::Github,
    };
    out!("{}", report(&problems, how));
    if let Some(problem) = problems.iter().find(|problem| problem.rule == Rule::FileUnreadable) {
        let what = format!("{} below {}: {}", problem.file, root.display(), problem.what);
        return Err(Failure::unreachable("file-unreadable", what, "--root names the folder of topics.yaml").into());
    }
    let counts = problems.iter().filter(|problem| strict || problem.rule.level() == Level::Error).count();
    if counts > 0 {
        let what = format!("{counts} finding{} in topics.yaml and schemas/", if counts == 1 { "" } else { "s" });
        return Err(Failure::new("lint", what, "each of them says why, and what to do").into());
    }
    Ok(())
}

fn planned(what: &What, place: &Place) -> anyhow::Result<(Admin, Plan)> {
    let declared = match &what.root {
        Some(root) => declared(root)?,
        None => topics::built_in(),
    };
    let admin = Admin::open(&place.kafka_only("tool")?).map_err(failed)?;
    let wish = Wish { replicas: what.replication.unsigned_abs(), retention_shrink: what.allow_retention_shrink };
    let plan = topics::plan(&admin, &declared, wish)?;
    Ok((admin, plan))
}

fn declared(root: &Path) -> anyhow::Result<Vec<TopicSpec>> {
    Ok(super::catalog::load(root)?.topics())
}

fn apply(what: &What, dry_run: bool, place: &Place) -> anyhow::Result<()> {
    let (admin, plan) = planned(what, place)?;
    if !plan.is_empty() || !plan.drift.is_empty() || !plan.refused.is_empty() {
        out!("{plan}");
    }
    topics::refusals(&plan)?;
    // What the registry must not be given is known before anything is done.
    let registry = place.registry.as_deref().map(|url| registry::open(url, place)).transpose()?;
    let (built_in, loaded) = (registry::releases(), what.root.as_deref().map(super::catalog::load).transpose()?);
    let subjects = match &loaded {
        Some(catalog) => registration::subjects(catalog),
        None => registration::by_subject(built_in.iter().map(|(topic, release)| (*topic, release))),
    };
    let schemas = match &registry {
        Some(registry) => register::plans(registry, &subjects)?,
        None => Vec::new(),
    };
    register::refuse(&schemas)?;
    if dry_run {
        outln!("nothing changed: this was a dry run");
        return Ok(());
    }
    topics::carry_out(&admin, &plan, what.replication)?;
    plan.create.iter().for_each(|it| outln!("created {}", it.topic));
    plan.changes().keys().for_each(|topic| outln!("changed {topic}"));
    outln!("{} created, {} changed, {} as declared", plan.create.len(), plan.changes().len(), plan.as_declared);
    if let Some(registry) = &registry {
        register::carry_out(registry, &subjects, &schemas)?;
        outln!("{} schemas registered", subjects.iter().map(|subject| subject.releases.len()).sum::<usize>());
    }
    Ok(())
}
