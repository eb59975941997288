//! `orderflow schema register`: gives a registry what is released, and nothing that breaks whoever reads it.

use catalog::registration::{LEVEL, Subject, SubjectPlan, plan, subjects};
use engine::shell::registry::Registry;

use crate::commands::schema::{Root, held, released, say};
use crate::failure::Failure;
use crate::options::Place;
use crate::registry;

/// Registers every released version, each after the one before it, and sets each subject's level; only says what it would
/// do unless --apply is given
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Do it
    #[arg(long)]
    apply: bool,
    /// Print the plan as one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    root: Root,
}

/// Runs the command.
pub fn run(args: &Args, place: &Place) -> anyhow::Result<()> {
    let catalog = released(&args.root.root)?;
    let registry = registry::named(place)?;
    let subjects = subjects(&catalog);
    let plans = plans(&registry, &subjects)?;
    if args.json {
        say(&(serde_json::to_string(&serde_json::json!({ "registry": registry.url(), "subjects": plans }))? + "\n"))?;
    } else {
        show(&plans)?;
    }
    refuse(&plans)?;
    if !args.apply {
        if !plans.iter().all(SubjectPlan::is_done) {
            eprintln!("hint: nothing was changed; --apply does it");
        }
        return Ok(());
    }
    carry_out(&registry, &subjects, &plans)
}

/// What is to be done for each subject.
pub fn plans(registry: &Registry, subjects: &[Subject<'_>]) -> anyhow::Result<Vec<SubjectPlan>> {
    let mut plans = Vec::new();
    for subject in subjects {
        let level = registry.level(&subject.name).map_err(registry::failed)?;
        plans.push(plan(subject, &held(registry, &subject.name)?, level.as_deref()));
    }
    Ok(plans)
}

fn show(plans: &[SubjectPlan]) -> anyhow::Result<()> {
    for plan in plans.iter().filter(|plan| !plan.is_done()) {
        let name = &plan.subject;
        for version in &plan.missing {
            say(&format!("register {name} {version}\n"))?;
        }
        if let Some(level) = &plan.level {
            say(&format!("level    {name} {level} -> {LEVEL}\n"))?;
        }
        for refused in &plan.refused {
            say(&format!("refused  {name} {} against {}: {}\n", refused.release, refused.against, refused.why))?;
        }
        for foreign in &plan.foreign {
            say(&format!(
                "foreign  {name} version {} (id {}) is not in schemas/released\n",
                foreign.version, foreign.id
            ))?;
        }
    }
    let registered: usize = plans.iter().map(|plan| plan.registered.len()).sum();
    let missing: usize = plans.iter().map(|plan| plan.missing.len()).sum();
    say(&format!("{registered} registered, {missing} to register, {} subjects\n", plans.len()))
}

/// Nothing is registered as long as one thing is wrong: half a release helps nobody.
pub fn refuse(plans: &[SubjectPlan]) -> anyhow::Result<()> {
    let foreign: usize = plans.iter().map(|plan| plan.foreign.len()).sum();
    if foreign > 0 {
        let what = format!("the registry holds {foreign} versions that nobody released");
        let hint = "`orderflow schema pull` shows them; release them here, or take them out there";
        return Err(Failure::unreachable("registry-foreign", what, hint).into());
    }
    let refused: usize = plans.iter().map(|plan| plan.refused.len()).sum();
    if refused > 0 {
        let what = format!("{refused} times a new version cannot read what an older one wrote");
        return Err(Failure::new(
            "registry-refused",
            what,
            "`orderflow schema review --against released` says how to mend it",
        )
        .into());
    }
    Ok(())
}

/// Does what plans say that are not refused.
pub fn carry_out(registry: &Registry, subjects: &[Subject<'_>], plans: &[SubjectPlan]) -> anyhow::Result<()> {
    if plans.iter().all(SubjectPlan::is_done) {
        return Ok(());
    }
    if let Some(mode) = registry.read_only().map_err(registry::failed)? {
        let what = format!("schema registry \"{}\" takes no writes: its mode is {mode}", registry.url());
        return Err(
            Failure::unreachable("registry-read-only", what, "set its mode to READWRITE, or ask who did not").into()
        );
    }
    subjects.iter().zip(plans).try_for_each(|(subject, plan)| one(registry, subject, plan))
}

fn one(registry: &Registry, subject: &Subject<'_>, plan: &SubjectPlan) -> anyhow::Result<()> {
    for release in subject.releases.iter().filter(|release| plan.missing.contains(&release.version)) {
        let id = registry.register(&plan.subject, &release.text).map_err(registry::failed)?;
        say(&format!("registered {} {} with id {id}\n", plan.subject, release.version))?;
    }
    if plan.level.is_some() {
        registry.set_level(&plan.subject, LEVEL).map_err(registry::failed)?;
    }
    Ok(())
}
