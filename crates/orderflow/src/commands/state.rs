//! `orderflow state publish`: the changelog of a processor, lost on the broker, written anew from its stores.

use std::path::PathBuf;

use engine::shell::disk::Disk;
use engine::shell::kafka::{Admin, KafkaReader, KafkaSettings, Publisher};
use engine::shell::restore::{Draft, Internal, Look, Verdict, examine, look};
use engine::shell::sled_disk::SledDisk;
use engine::shell::transport::{Fault, LogReader as _};
use flow::Topology;

use crate::failure::Failure;
use crate::options::Place;
use crate::processors;
use crate::topics::{failed, hint, refuse_active, refuse_differences};

/// What a processor remembers
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    Publish(Args),
}

/// Writes the changelog that a processor has lost, deleted on the broker and created again, anew from the stores of an
/// instance; nothing is written over
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The processor; none of its instances may be running
    processor: String,
    /// Folder of the stores, as `orderflow run` has it; where each instance has one, once for each
    #[arg(long, env = "ORDERFLOW_DATA", default_value = "data", value_name = "DIR")]
    data: PathBuf,
    /// Do it; without this flag only the plan is printed
    #[arg(long)]
    yes: bool,
    /// Take a store, too, that a crash may have left without its last identities: a command that is repeated from the last
    /// moments before it may be handled again
    #[arg(long)]
    accept_loss: bool,
}

/// Runs the command.
pub fn run(command: &Command, place: &Place) -> anyhow::Result<()> {
    let Command::Publish(args) = command;
    let topology = processors::find(&args.processor)?.topology();
    let settings: KafkaSettings = place.kafka_only("publish")?;
    let admin = Admin::open(&settings).map_err(failed)?;
    refuse_differences(&admin, topology, hint)?;
    let folder = args.data.join(topology.name);
    let disk = SledDisk::open_kept(&folder).map_err(|error| {
        let text = error.to_string();
        let (what, hint) = text.split_once("; hint: ").unwrap_or((&text, ""));
        Failure::new("store", what, hint)
    })?;
    // Before anything is looked at: a run that was killed may have left a transaction open, which hides all that follows it.
    let publisher = match (&disk, args.yes) {
        (Some(_), true) => {
            active(&admin, topology)?;
            Some(Publisher::open(&settings, topology)?)
        }
        _ => None,
    };
    let mut reader = KafkaReader::open(&settings, topology)?;
    let names = Internal::of(topology.name);
    let kept = disk.as_ref().map(|disk| disk as &dyn Disk);
    let look = |task| look(&mut reader, kept, &names, task, args.accept_loss);
    let looks = (0..topology.partitions).map(look).collect::<Result<Vec<Look>, Fault>>()?;
    outln!("publish of \"{}\" from {}", topology.name, folder.display());
    looks.iter().for_each(|look| outln!("  {}", line(look)));
    let drafts: Vec<&Draft> = looks.iter().filter_map(|look| draft(look)).collect();
    match (kept, publisher) {
        _ if drafts.is_empty() => outln!("nothing to write"),
        (Some(disk), Some(publisher)) => publish(publisher, &mut reader, disk, &drafts)?,
        _ => {
            active(&admin, topology)?;
            outln!("nothing changed; add --yes to do it");
        }
    }
    summary(topology, &looks)
}

fn draft(look: &Look) -> Option<&Draft> {
    match &look.verdict {
        Verdict::Ready(draft) => Some(draft),
        _ => None,
    }
}

fn active(admin: &Admin, topology: &'static Topology) -> anyhow::Result<()> {
    let inputs = topology.inputs.iter().map(|input| input.topic.to_owned());
    let at: Vec<(String, u32)> =
        inputs.flat_map(|topic| (0..topology.partitions).map(move |partition| (topic.clone(), partition))).collect();
    let committed = admin.positions(topology.name, &at).map_err(failed)?;
    let positions = at.into_iter().zip(committed);
    let positions = positions.filter_map(|((topic, partition), position)| Some((topic, partition, position?)));
    refuse_active(admin, topology.name, positions)
}

fn publish(
    mut publisher: Publisher,
    reader: &mut KafkaReader,
    disk: &dyn Disk,
    drafts: &[&Draft],
) -> anyhow::Result<()> {
    let names = Internal::of(reader.topology().name);
    for draft in drafts {
        publisher.publish(disk, draft)?;
        if let Some(why) = examine(reader, &names, draft.task)? {
            let what = format!("it was written, and does not open all the same: {why}");
            return Err(Failure::new("publish-failed", what, "run it again: it says what there is").into());
        }
        outln!("published: task {}", draft.task);
    }
    Ok(())
}

/// What is to be said of a task.
fn line(look: &Look) -> String {
    let Look { task, rows, row_bytes, chunks, chunk_bytes, .. } = look;
    let said = match &look.verdict {
        Verdict::Held => "its changelog holds it".to_owned(),
        Verdict::Unused => "nothing was ever committed".to_owned(),
        Verdict::Elsewhere => "LOST in its changelog, and no store of it in this folder".to_owned(),
        Verdict::Refused(why) => format!("REFUSED: {}", why.split("; hint: ").next().unwrap_or_default()),
        Verdict::Ready(_) => {
            format!("{rows} rows ({row_bytes} bytes), {chunks} dedup chunks ({chunk_bytes} bytes)")
        }
    };
    let number = |number: &Option<i64>| number.map_or("none".to_owned(), |number| number.to_string());
    let at = |(topic, stands, committed): &(&str, Option<i64>, Option<i64>)| {
        format!("{topic} at {}, committed {}", number(stands), number(committed))
    };
    let inputs: Vec<String> = match look.verdict {
        Verdict::Ready(_) | Verdict::Refused(_) => look.inputs.iter().map(at).collect(),
        _ => Vec::new(),
    };
    let inputs = if inputs.is_empty() { String::new() } else { format!("; {}", inputs.join("; ")) };
    format!("task {task}: {said}{inputs}")
}

/// What is left to do once the plan is carried out.
fn summary(topology: &Topology, looks: &[Look]) -> anyhow::Result<()> {
    let refused: Vec<&str> = looks
        .iter()
        .filter_map(|look| match &look.verdict {
            Verdict::Refused(why) => Some(why.as_str()),
            _ => None,
        })
        .collect();
    let elsewhere = looks.iter().filter(|look| look.verdict == Verdict::Elsewhere);
    let elsewhere: Vec<String> = elsewhere.map(|look| look.task.to_string()).collect();
    if !elsewhere.is_empty() {
        outln!(
            "tasks {} are in no store of this folder: run it with those of the other instances",
            elsewhere.join(", ")
        );
    }
    let Some(first) = refused.first() else { return Ok(()) };
    let (what, hint) = first.split_once("; hint: ").unwrap_or((first, ""));
    let what = match refused.len() {
        1 => format!("\"{}\": {what}", topology.name),
        count => format!("\"{}\": {what}; so are {} others", topology.name, count - 1),
    };
    Err(Failure::new("store-refused", what, hint).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_says_what_is_written_and_where_the_store_stands() {
        let look = |verdict| Look {
            task: 3,
            verdict,
            rows: 5,
            row_bytes: 70,
            chunks: 2,
            chunk_bytes: 48,
            inputs: vec![("a", Some(7), Some(7)), ("b", Some(9), None)],
        };
        let draft = Draft { task: 3, record: engine::core::record::TaskRecord::default() };
        let said = line(&look(Verdict::Ready(draft.clone())));
        assert_eq!(
            said,
            "task 3: 5 rows (70 bytes), 2 dedup chunks (48 bytes); a at 7, committed 7; b at 9, committed none"
        );
        let refused = look(Verdict::Refused("task 3: older; hint: another folder".into()));
        assert!(line(&refused).starts_with("task 3: REFUSED: task 3: older; a at 7"), "{}", line(&refused));
        let topology = processors::find("fulfilment").expect("declared").topology();
        let error = summary(topology, &[refused, look(Verdict::Elsewhere)]).expect_err("refused");
        assert_eq!(error.to_string(), "store-refused: \"fulfilment\": task 3: older");
        assert!(summary(topology, &[look(Verdict::Ready(draft)), look(Verdict::Held)]).is_ok());
    }
}
