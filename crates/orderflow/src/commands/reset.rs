//! `orderflow reset`: a group's offsets to the earliest, its stores begun anew, following the recorded order.

use contract::TopicSpec;
use engine::core::order::Steps;
use engine::shell::kafka::{Admin, KafkaReader, KafkaSettings};
use engine::shell::restore::{Internal, page_of_records};
use engine::shell::transport::{LogReader as _, Mark, Position};

use crate::failure::Failure;
use crate::options::Place;
use crate::processors;
use crate::topics::{failed, refuse_differences, wanted};

/// Begins a processor anew: offsets to the earliest, fresh stores, the recorded order followed; what it sends again
/// carries the same event ids, so everything downstream drops what it has
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The processor; none of its instances may be running
    processor: String,
    /// Do it; without this flag only the plan is printed
    #[arg(long)]
    yes: bool,
    /// Do it although inputs or history no longer reach back to where the state began: what is gone there, the state loses
    #[arg(long, conflicts_with = "skip_deleted")]
    accept_loss: bool,
    /// Keep the state, and go on behind records that were deleted before they were read: they are never handled
    #[arg(long)]
    skip_deleted: bool,
    /// Replicas of the topics that are created anew
    #[arg(long, env = "ORDERFLOW_REPLICATION", default_value_t = 1)]
    replication: i32,
}

/// What a reset changes: (topic, partition, committed, earliest).
struct Plan {
    moves: Vec<(String, u32, Option<Position>, i64)>,
    fresh: Vec<&'static TopicSpec>,
}

type Wanted = Vec<(String, u32, Position)>;

/// Runs the command.
pub fn run(args: &Args, place: &Place) -> anyhow::Result<()> {
    let topology = processors::find(&args.processor)?.topology();
    let settings: KafkaSettings = place.kafka_only("reset")?;
    let admin = Admin::open(&settings).map_err(failed)?;
    refuse_differences(&admin, topology, |_| "there is nothing to reset before `orderflow topics apply`")?;
    let plan = plan(&admin, topology)?;
    if args.skip_deleted {
        return skip(&admin, topology, &plan, args.yes);
    }
    print(&plan, topology);
    refuse_active(&admin, topology, &plan)?;
    refuse_loss(lost(&settings, topology, &plan)?, args)?;
    if !args.yes {
        outln!("nothing changed; add --yes to do it");
        return Ok(());
    }
    // Offsets first: should this end half way, the old dedup window still knows every input, and a second reset goes on.
    let offsets = moved(plan.moves.iter(), Mark::Reset);
    admin.set_offsets(topology.name, &offsets).map_err(failed)?;
    let names: Vec<String> = plan.fresh.iter().map(|topic| topic.name.to_owned()).collect();
    admin.delete(&names).map_err(failed)?;
    let create: Vec<_> = plan.fresh.iter().map(|topic| wanted(topic)).collect();
    admin.create(&create, args.replication).map_err(failed)?;
    verify(&admin, topology, &offsets)?;
    outln!("reset: \"{}\" begins at the earliest offsets with fresh stores", topology.name);
    Ok(())
}

fn moved<'a>(moves: impl Iterator<Item = &'a (String, u32, Option<Position>, i64)>, mark: Mark) -> Wanted {
    let at = |earliest: &i64| Position { offset_next: *earliest, mark };
    moves.map(|(topic, partition, _, earliest)| (topic.clone(), *partition, at(earliest))).collect()
}

/// Goes on behind what was deleted unread. Only committed offsets move, and only these.
fn skip(admin: &Admin, topology: &'static flow::Topology, plan: &Plan, yes: bool) -> anyhow::Result<()> {
    let behind = |(_, _, committed, earliest): &&(String, u32, Option<Position>, i64)| {
        committed.is_some_and(|committed| committed.offset_next < *earliest)
    };
    let moves: Vec<_> = plan.moves.iter().filter(behind).collect();
    outln!("\"{}\" keeps its state and skips what was deleted before it was read", topology.name);
    for (topic, partition, committed, earliest) in &moves {
        let from = committed.map_or(0, |committed| committed.offset_next);
        outln!("  {topic}/{partition}: offsets {from} to {} are never handled", earliest - 1);
    }
    if moves.is_empty() {
        outln!("  nothing to skip: every committed offset is still there");
        return Ok(());
    }
    refuse_active(admin, topology, plan)?;
    if !yes {
        outln!("nothing changed; add --yes to do it");
        return Ok(());
    }
    let offsets = moved(moves.into_iter(), Mark::Skip);
    admin.set_offsets(topology.name, &offsets).map_err(failed)?;
    verify(admin, topology, &offsets)?;
    outln!("skipped: \"{}\" goes on at the first offsets that are left", topology.name);
    Ok(())
}

/// Where inputs or history no longer reach back to where the state began: a reset loses what it knew from there.
fn lost(settings: &KafkaSettings, topology: &'static flow::Topology, plan: &Plan) -> anyhow::Result<Vec<String>> {
    let failed = |fault: engine::shell::transport::Fault| {
        Failure::new("history", fault.to_string(), "nothing was changed; run it again")
    };
    let mut reader = KafkaReader::open(settings, topology).map_err(failed)?;
    let history = Internal::of(topology.name).order;
    let names = engine::core::ids::inputs(topology.inputs);
    let mut lost = Vec::new();
    for task in 0..topology.partitions {
        let handled = |input: &flow::Input| {
            let of = |(topic, partition, ..): &&(String, u32, _, _)| topic == input.topic && *partition == task;
            plan.moves.iter().find(of).map_or((0, 0), |(_, _, committed, earliest)| {
                (committed.map_or(0, |committed| committed.offset_next), *earliest)
            })
        };
        let inputs: Vec<(i64, i64)> = topology.inputs.iter().map(handled).collect();
        if inputs.iter().all(|(committed, _)| *committed == 0) {
            continue;
        }
        let (start, end) = reader.bounds(&history, task).map_err(failed)?;
        let first = page_of_records(&mut reader, &history, task, (start, end)).map_err(failed)?.into_iter().next();
        let begin = first.and_then(|entry| Steps::decode(&entry.value?).ok()?.arranged(&names));
        let begin = begin.map(|(begin, _)| begin.into_iter().map(Option::unwrap_or_default).collect());
        lost.extend(lost_of(topology, &history, task, start, begin, &inputs));
    }
    Ok(lost)
}

/// What a reset would lose of one task. `inputs`: committed and earliest offset of each.
fn lost_of(
    topology: &flow::Topology,
    history: &str,
    task: u32,
    start: i64,
    begin: Option<Vec<i64>>,
    inputs: &[(i64, i64)],
) -> Vec<String> {
    let Some(begin) = begin.filter(|_| start == 0) else {
        return vec![format!("{history}/{task} begins at offset {start}, and not where the state began")];
    };
    let gone = topology.inputs.iter().zip(inputs).zip(&begin).filter(|((_, (_, earliest)), began)| earliest > began);
    gone.map(|((input, (_, earliest)), began)| {
        format!("{}/{task} begins at offset {earliest}, the state began at {began}", input.topic)
    })
    .collect()
}

fn refuse_loss(lost: Vec<String>, args: &Args) -> anyhow::Result<()> {
    if lost.is_empty() {
        return Ok(());
    }
    lost.iter().for_each(|line| outln!("  LOST {line}"));
    if args.accept_loss {
        return Ok(());
    }
    let what = format!(
        "a reset of \"{}\" would lose what its state knows from records that are gone: {}",
        args.processor,
        lost.join("; ")
    );
    let hint = "the state cannot be built again from what is left: keep it; --accept-loss resets all the same";
    Err(Failure::new("reset-would-lose", what, hint).into())
}

fn plan(admin: &Admin, topology: &'static flow::Topology) -> anyhow::Result<Plan> {
    let at: Vec<(String, u32)> = topology
        .inputs
        .iter()
        .flat_map(|input| (0..topology.partitions).map(|partition| (input.topic.to_owned(), partition)))
        .collect();
    let committed = admin.positions(topology.name, &at).map_err(failed)?;
    let mut moves = Vec::new();
    for ((topic, partition), committed) in at.into_iter().zip(committed) {
        let (earliest, _) = admin.bounds(&topic, partition).map_err(failed)?;
        moves.push((topic, partition, committed, earliest));
    }
    let changelog = Internal::of(topology.name).changelog;
    let fresh = contract::TOPICS.iter().filter(|topic| topic.name == changelog).collect();
    Ok(Plan { moves, fresh })
}

fn print(plan: &Plan, topology: &flow::Topology) {
    outln!("reset of \"{}\"", topology.name);
    for input in topology.inputs {
        let moves = plan.moves.iter().filter(|(topic, ..)| topic == input.topic);
        let again: i64 = moves
            .clone()
            .map(|(_, _, committed, earliest)| committed.map_or(0, |at| (at.offset_next - earliest).max(0)))
            .sum();
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

fn refuse_active(admin: &Admin, topology: &flow::Topology, plan: &Plan) -> anyhow::Result<()> {
    let moves = plan.moves.iter();
    let mut same = moves
        .filter_map(|(topic, partition, committed, _)| Some((topic.clone(), *partition, (*committed)?)))
        .peekable();
    if same.peek().is_none() {
        let what = format!("consumer group \"{}\" has committed nothing", topology.name);
        return Err(Failure::new("nothing-to-reset", what, "it begins at the earliest offsets anyway").into());
    }
    crate::topics::refuse_active(admin, topology.name, same)
}

fn verify(admin: &Admin, topology: &flow::Topology, wanted: &[(String, u32, Position)]) -> anyhow::Result<()> {
    let at: Vec<(String, u32)> = wanted.iter().map(|(topic, partition, _)| (topic.clone(), *partition)).collect();
    let found = admin.positions(topology.name, &at).map_err(failed)?;
    let wrong = wanted.iter().zip(found).find(|((_, _, wanted), found)| *found != Some(*wanted));
    match wrong {
        None => Ok(()),
        Some(((topic, partition, wanted), found)) => {
            let what = format!("{topic}/{partition}: committed is {found:?}, not {wanted:?}");
            Err(Failure::new(
                "reset-failed",
                what,
                "the group may have become active meanwhile; stop it and run the reset again",
            )
            .into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_that_would_lose_something_says_what() -> anyhow::Result<()> {
        let topology = processors::find("item-lookup")?.topology();
        let of = |start, begin: Option<[i64; 2]>, inputs: [(i64, i64); 2]| {
            lost_of(topology, "item-lookup-history", 3, start, begin.map(Vec::from), &inputs)
        };
        assert_eq!(of(0, Some([0, 5]), [(9, 0), (9, 5)]), [""; 0], "all of it is there");
        let first = topology.inputs[0].topic;
        let lost = of(0, Some([0, 5]), [(9, 4), (9, 5)]);
        assert_eq!(lost, [format!("{first}/3 begins at offset 4, the state began at 0")]);
        for (start, begin) in [(7, Some([0, 5])), (0, None)] {
            let lost = of(start, begin, [(9, 0), (9, 5)]);
            assert_eq!(
                lost,
                [format!("item-lookup-history/3 begins at offset {start}, and not where the state began")]
            );
        }
        Ok(())
    }
}
