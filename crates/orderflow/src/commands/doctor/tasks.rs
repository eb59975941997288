//! Whether each task would open: its own record, the committed offsets and the topics must say the same.

use engine::shell::kafka::{KafkaReader, KafkaSettings};
use engine::shell::restore::{Internal, examine};
use engine::shell::transport::Fault;
use flow::Topology;

use super::Check;
use crate::failure::Failure;
use crate::processors;

/// What keeps a task from being opened: the number of the task and why.
pub type Doubts = Vec<(u32, String)>;

/// One line for each processor.
pub fn open(settings: &KafkaSettings) -> Vec<Check> {
    let topologies = processors::ALL.iter().map(|known| known.topology());
    topologies
        .map(|topology| look(settings, topology).map_or_else(unknown, |doubts| check(topology, &doubts)))
        .collect()
}

fn unknown(fault: Fault) -> Check {
    let text = fault.to_string();
    let (what, hint) = text.split_once("; hint: ").unwrap_or((&text, ""));
    Check::unknown("tasks", &Failure::new("tasks", what, hint).into())
}

fn look(settings: &KafkaSettings, topology: &'static Topology) -> Result<Doubts, Fault> {
    let names = Internal::of(topology.name);
    let mut reader = KafkaReader::open(settings, topology)?;
    let mut doubts = Doubts::new();
    for task in 0..topology.partitions {
        doubts.extend(examine(&mut reader, &names, task)?.map(|why| (task, why)));
    }
    Ok(doubts)
}

/// What is to be said of a processor's tasks.
pub fn check(topology: &Topology, doubts: &Doubts) -> Check {
    let (name, all) = (topology.name, topology.partitions);
    let Some((_, why)) = doubts.first() else {
        return Check::ok("tasks", format!("\"{name}\": all {all} fit the committed offsets and the topics"));
    };
    let (what, hint) = why.split_once("; hint: ").unwrap_or((why, ""));
    let more = match doubts.len() {
        1 => String::new(),
        count => format!("; so do {} others", count - 1),
    };
    Check::fail("tasks", format!("\"{name}\" does not open {what}{more}"), hint)
}
