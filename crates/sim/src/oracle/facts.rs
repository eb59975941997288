//! What the broker and the disks hold when a run has come to rest, put side by side with the model.

use std::collections::BTreeMap;

use engine::core::io::Segment;
use engine::core::order::{Step, Steps};
use engine::core::record::TaskRecord;
use engine::core::{dedup, headers, ids, keys};
use flow::{Code, Id, Meta};

use super::model::{Content, Letter, Model, World as Verdict};
use crate::broker::Broker;
use crate::broker::log::Stored;
use crate::instance;
use crate::ledger::wire::{self, Read};
use crate::ledger::{TASKS, TOPOLOGY};
use crate::world::World;

/// A committed output or reply.
#[derive(Debug, Clone)]
pub struct Output {
    pub topic: &'static str,
    pub partition: u32,
    pub meta: Meta,
    pub stored: Stored,
}

/// All there is to know about one task.
#[derive(Debug)]
pub struct TaskFacts {
    pub task: u32,
    /// Committed inputs, those included that were deleted since.
    pub inputs: Vec<Vec<Stored>>,
    pub order: Vec<Steps>,
    pub outputs: Vec<Output>,
    pub letters: Vec<Letter>,
    /// Ids that were ever written to the changelog, by input.
    pub accepted: [Vec<(Id, u64)>; 2],
    /// The changelog, compacted, without chunks of dedup ids.
    pub changelog: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Chunks in the changelog, compacted.
    pub chunks: Chunks,
    /// The store of the task's owner, and its chunks.
    pub store: Option<BTreeMap<Vec<u8>, Vec<u8>>>,
    pub stored_chunks: Chunks,
    /// In how many dedup segments the owner has chunks of one input, at most.
    pub segments: usize,
    pub offsets: Vec<Option<i64>>,
    /// How many outputs, dead letters and accepted ids there were at each reset.
    pub resets: Vec<Mark>,
    pub changelog_id: String,
    pub model: Model,
}

/// Chunks of dedup ids by input, segment and position.
pub type Chunks = BTreeMap<(u32, Segment, i64), Vec<u8>>;

/// How much there was at a reset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mark {
    pub outputs: usize,
    pub letters: usize,
    pub accepted: [usize; 2],
}

/// All there is to know about a run.
#[derive(Debug)]
pub struct Facts {
    pub tasks: Vec<TaskFacts>,
    pub deeds: Vec<crate::broker::Deed>,
    pub breaches: Vec<String>,
}

/// Looks at a world that has come to rest.
pub fn gather(world: &World) -> Facts {
    let broker = world.shared.broker.borrow();
    let tasks = (0..TASKS).map(|task| of_task(world, &broker, task)).collect();
    Facts { tasks, deeds: broker.deeds.clone(), breaches: world.shared.breaches.borrow().clone() }
}

fn of_task(world: &World, broker: &Broker, task: u32) -> TaskFacts {
    let names = &world.shared.names;
    let inputs: Vec<Vec<Stored>> =
        TOPOLOGY.inputs.iter().map(|input| broker.log(input.topic, task).ever().cloned().collect()).collect();
    let order: Vec<Steps> = broker
        .log(&names.order, task)
        .ever()
        .filter_map(|stored| Steps::decode(stored.message.value.as_deref()?).ok())
        .collect();
    let (mut changelog, mut chunks) = (BTreeMap::new(), Chunks::new());
    for stored in broker.log(&names.changelog, task).read(0) {
        let key = stored.message.key.as_deref().unwrap_or_default();
        if let Some(chunk) = dedup::read(key, stored.message.value.as_deref()) {
            let at = (chunk.input, chunk.segment, chunk.at);
            if chunk.bytes.is_empty() {
                drop(chunks.remove(&at))
            } else {
                drop(chunks.insert(at, chunk.bytes))
            }
            continue;
        }
        match (stored.message.key.clone(), stored.message.value.clone()) {
            (Some(key), Some(value)) => drop(changelog.insert(key, value)),
            (Some(key), None) => drop(changelog.remove(&key)),
            (None, _) => {}
        }
    }
    let record = changelog.get(&keys::task()).and_then(|bytes: &Vec<u8>| TaskRecord::decode(bytes)).unwrap_or_default();
    let last = record.inputs.iter().map(|input| (ids::topic(&input.topic), input.offset_next)).collect();
    let owner = broker.group.owners.get(&task).map(|(owner, _)| *owner);
    TaskFacts {
        task,
        model: follow(Model::new(task, world.config.limits.record_bytes, may_stub(world)), &inputs, &order),
        changelog_id: broker.topics[&names.changelog].id.clone(),
        inputs,
        order,
        outputs: outputs(broker, task),
        letters: broker.log(&names.dead_letters, task).ever().map(letter).collect(),
        accepted: accepted(broker, &names.changelog, task),
        changelog,
        chunks,
        store: owner.map(|owner| world.instances[owner].borrow().disk.content(task)),
        stored_chunks: owner.map_or_else(Chunks::new, |owner| world.instances[owner].borrow().disk.chunks_of(task)),
        segments: owner.map_or(0, |owner| world.instances[owner].borrow().disk.segments_of(task, &last)),
        offsets: (0..TOPOLOGY.inputs.len()).map(|input| broker.group.offsets.get(&(task, input)).copied()).collect(),
        resets: world.marks.iter().map(|marks| marks[task as usize]).collect(),
    }
}

/// Whether a letter may be a stub for another reason than its own headers.
fn may_stub(world: &World) -> bool {
    let shared = &world.shared;
    shared.refused_by_chance.get() || shared.letter_bytes.get() < usize::MAX
}

/// How much there is of a task at this moment.
pub fn mark(world: &World, task: u32) -> Mark {
    let broker = world.shared.broker.borrow();
    let accepted = accepted(&broker, &world.shared.names.changelog, task);
    Mark {
        outputs: outputs(&broker, task).len(),
        letters: broker.log(&world.shared.names.dead_letters, task).ever().count(),
        accepted: [accepted[0].len(), accepted[1].len()],
    }
}

fn outputs(broker: &Broker, task: u32) -> Vec<Output> {
    let mut found = Vec::new();
    for topic in TOPOLOGY.outputs.iter().chain(TOPOLOGY.replies) {
        for partition in 0..topic.partitions {
            for stored in broker.log(topic.name, partition).ever().filter(|stored| stored.message.task == task) {
                let body = stored.message.value.as_ref().map_or(&[][..], |value| &value[5..]);
                let meta = wire::meta(&mut Read(body)).unwrap_or_default();
                found.push(Output { topic: topic.name, partition, meta, stored: stored.clone() });
            }
        }
    }
    found.sort_by_key(|output| output.stored.serial);
    found
}

fn letter(stored: &Stored) -> Letter {
    let message = &stored.message;
    // What is said twice is not said at all.
    let header = |wanted: &str| {
        let mut all = headers::lend(&message.headers).filter(|(name, _)| *name == wanted.as_bytes());
        let value = all.next().filter(|_| all.next().is_none()).and_then(|(_, value)| value).unwrap_or_default();
        String::from_utf8_lossy(value).into_owned()
    };
    let topic = header(headers::DLQ_TOPIC);
    let input = TOPOLOGY.inputs.iter().position(|input| input.topic == topic);
    let number = |name: &str| header(name).parse::<usize>().unwrap_or(usize::MAX);
    let stub = header(headers::DLQ_STUB) == "true";
    let sizes = || [headers::DLQ_KEY_BYTES, headers::DLQ_VALUE_BYTES, headers::DLQ_HEADERS_BYTES].map(number);
    let content = Content {
        key: message.key.clone(),
        value: message.value.clone(),
        headers: message.headers.iter().filter(|(name, _)| !headers::is_of_letters(name)).cloned().collect(),
        stub: stub.then(sizes),
    };
    Letter {
        at: input.and_then(|input| Some((input, header(headers::DLQ_OFFSET).parse().ok()?))),
        code: Code::parse(&header(headers::DLQ_CODE)).unwrap_or(Code::Bug),
        timestamp_ms: header(headers::DLQ_TIMESTAMP).parse().unwrap_or(-1),
        due_ms: header(headers::DLQ_DUE).parse().ok(),
        contents: vec![content],
    }
}

fn accepted(broker: &Broker, topic: &str, task: u32) -> [Vec<(Id, u64)>; 2] {
    let mut found = [Vec::new(), Vec::new()];
    for stored in broker.log(topic, task).ever() {
        let key = stored.message.key.as_deref().unwrap_or_default();
        let Some(chunk) = dedup::read(key, stored.message.value.as_deref()) else { continue };
        let input = TOPOLOGY.inputs.iter().position(|input| ids::topic(input.topic) == chunk.input);
        for entry in chunk.bytes.chunks_exact(24) {
            let (id, content) = entry.split_at(16);
            let id = Id(id.try_into().unwrap_or_default());
            if let Some(input) = input {
                found[input].push((id, u64::from_le_bytes(content.try_into().unwrap_or_default())));
            }
        }
    }
    found
}

/// Leads a model through the recorded order.
fn follow(mut model: Model, inputs: &[Vec<Stored>], order: &[Steps]) -> Model {
    let mut at = vec![0usize; inputs.len()];
    for step in order.iter().flat_map(|steps| &steps.steps) {
        let (input, offset_next, verdict) = match step {
            Step::Clock { now_ms } => {
                model.clock(*now_ms);
                continue;
            }
            Step::Code { version } => {
                model.window_ms = instance::window_of(version).unwrap_or(model.window_ms);
                continue;
            }
            Step::Run { input, offset_next, .. } => (*input, *offset_next, Verdict::Fine),
            Step::Ahead { input, offset_next } => (*input, *offset_next, Verdict::Ahead),
            Step::Refused { input, offset_next } => (*input, *offset_next, Verdict::Refused),
            Step::Unknown { input, offset_next } => (*input, *offset_next, Verdict::Unknown),
        };
        while let Some(stored) = inputs[input].get(at[input]).filter(|stored| stored.offset < offset_next) {
            model.input(input, stored, verdict);
            at[input] += 1;
        }
    }
    model
}
