//! `orderflow reset`: a group's offsets to the earliest, its stores begun anew, following the recorded order.

use contract::TopicSpec;
use engine::shell::kafka::{Admin, KafkaSettings};

use crate::failure::Failure;
use crate::options::Place;
use crate::processors;
use crate::topics::{differences, failed, of, wanted};

/// Begins a processor anew: offsets to the earliest, fresh stores, the recorded order followed; what it sends again
/// carries the same event ids, so everything downstream drops what it has
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The processor; none of its instances may be running
    processor: String,
    /// Do it; without this flag only the plan is printed
    #[arg(long)]
    yes: bool,
    /// Replicas of the topics that are created anew
    #[arg(long, env = "ORDERFLOW_REPLICATION", default_value_t = 1)]
    replication: i32,
}

/// What a reset changes: (topic, partition, committed, earliest).
struct Plan {
    moves: Vec<(String, u32, Option<i64>, i64)>,
    fresh: Vec<&'static TopicSpec>,
}

/// Runs the command.
pub fn run(args: &Args, place: &Place) -> anyhow::Result<()> {
    let topology = processors::find(&args.processor)?.topology();
    let settings: KafkaSettings = place.kafka_only("reset")?;
    let admin = Admin::open(&settings).map_err(failed)?;
    let missing = differences(&admin, &of(topology)).map_err(failed)?;
    if !missing.is_empty() {
        let lines: Vec<String> = missing.iter().map(ToString::to_string).collect();
        return Err(Failure::new(
            "topics",
            lines.join("\n  "),
            "there is nothing to reset before `orderflow topics apply`",
        )
        .into());
    }
    let plan = plan(&admin, topology)?;
    print(&plan, topology);
    refuse_active(&admin, topology, &plan)?;
    if !args.yes {
        outln!("nothing changed; add --yes to do it");
        return Ok(());
    }
    // Offsets first: should this end half way, the old dedup window still knows every input, and a second reset goes on.
    let offsets: Vec<(String, u32, i64)> =
        plan.moves.iter().map(|(topic, partition, _, earliest)| (topic.clone(), *partition, *earliest)).collect();
    admin.set_offsets(topology.name, &offsets).map_err(failed)?;
    let names: Vec<String> = plan.fresh.iter().map(|topic| topic.name.to_owned()).collect();
    admin.delete(&names).map_err(failed)?;
    let create: Vec<_> = plan.fresh.iter().map(|topic| wanted(topic)).collect();
    admin.create(&create, args.replication).map_err(failed)?;
    verify(&admin, topology, &offsets)?;
    outln!("reset: \"{}\" begins at the earliest offsets with fresh stores", topology.name);
    Ok(())
}

fn plan(admin: &Admin, topology: &'static flow::Topology) -> anyhow::Result<Plan> {
    let at: Vec<(String, u32)> = topology
        .inputs
        .iter()
        .flat_map(|input| (0..topology.partitions).map(|partition| (input.topic.to_owned(), partition)))
        .collect();
    let committed = admin.offsets(topology.name, &at).map_err(failed)?;
    let mut moves = Vec::new();
    for ((topic, partition), committed) in at.into_iter().zip(committed) {
        let (earliest, _) = admin.bounds(&topic, partition).map_err(failed)?;
        moves.push((topic, partition, committed, earliest));
    }
    let internal = |kind: &str| format!("{}-{kind}", topology.name);
    let names = [internal("changelog"), internal("dedup")];
    let fresh = contract::TOPICS.iter().filter(|topic| names.iter().any(|name| name == topic.name)).collect();
    Ok(Plan { moves, fresh })
}

fn print(plan: &Plan, topology: &flow::Topology) {
    outln!("reset of \"{}\"", topology.name);
    for input in topology.inputs {
        let moves = plan.moves.iter().filter(|(topic, ..)| topic == input.topic);
        let again: i64 =
            moves.clone().map(|(_, _, committed, earliest)| (committed.unwrap_or(*earliest) - earliest).max(0)).sum();
        outln!(
            "  {}: {} partitions to their earliest offset, {again} offsets to be read again",
            input.topic,
            moves.count()
        );
    }
    for topic in &plan.fresh {
        outln!("  {}: deleted and created anew, so that every instance rebuilds its store", topic.name);
    }
    outln!("  {}-order: kept and followed", topology.name);
}

/// Commits what is committed already: the broker refuses that while the group has members.
fn refuse_active(admin: &Admin, topology: &flow::Topology, plan: &Plan) -> anyhow::Result<()> {
    let same: Vec<(String, u32, i64)> = plan
        .moves
        .iter()
        .filter_map(|(topic, partition, committed, _)| Some((topic.clone(), *partition, (*committed)?)))
        .take(1)
        .collect();
    if same.is_empty() {
        let what = format!("consumer group \"{}\" has committed nothing", topology.name);
        return Err(Failure::new("nothing-to-reset", what, "it begins at the earliest offsets anyway").into());
    }
    admin.set_offsets(topology.name, &same).map_err(failed)
}

fn verify(admin: &Admin, topology: &flow::Topology, wanted: &[(String, u32, i64)]) -> anyhow::Result<()> {
    let at: Vec<(String, u32)> = wanted.iter().map(|(topic, partition, _)| (topic.clone(), *partition)).collect();
    let found = admin.offsets(topology.name, &at).map_err(failed)?;
    let wrong = wanted.iter().zip(found).find(|((_, _, wanted), found)| *found != Some(*wanted));
    match wrong {
        None => Ok(()),
        Some(((topic, partition, wanted), found)) => {
            let what = format!("{topic}/{partition}: committed offset is {found:?}, not {wanted}");
            Err(Failure::new(
                "reset-failed",
                what,
                "the group may have become active meanwhile; stop it and run the reset again",
            )
            .into())
        }
    }
}
