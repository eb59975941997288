//! Side (a): the engine, with one worker, and a processor as the generator would write it.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use anyhow::{Result, anyhow};
use engine::core::io::WriterSchema;
use engine::core::logic::erase;
use engine::core::pace::Limits;
use engine::core::worker::Worker;
use engine::shell::clock::SystemClock;
use engine::shell::driver::Driver;
use engine::shell::kafka::{KafkaSettings, KafkaTransport, Restores};
use engine::shell::runner::spawn_flusher;
use engine::shell::schemas::Schemas;
use engine::shell::sled_disk::SledDisk;
use flow::{Code, CodecError, Decoded, Duplicates, Encoded, Input, Meta, Reject, StateRead, Topic, Topology};
use serde_avro_fast::Schema;

use crate::record::{self, Enriched, Facts, Item, KnownItem, Line, Value};
use crate::topics::{INPUT, OUTPUT, PARTITIONS};
use crate::{Job, Moment, Outcome};

pub static TOPOLOGY: Topology = Topology {
    name: "bench",
    partitions: PARTITIONS,
    inputs: &[Input { topic: INPUT, records: &["Item", "Line"], compacted: false, duplicates: Duplicates::Drop }],
    outputs: &[Topic { name: OUTPUT, partitions: PARTITIONS }],
    replies: &[],
    tables: &["item"],
    window_ms: 7 * 86_400_000,
};

struct Enrich;

enum In<'a> {
    Item(Item<'a>),
    Line(Line<'a>),
}

/// An enriched line that owns what comes from state.
struct Out<'a> {
    line: Line<'a>,
    item: KnownItem,
}

struct State<'s>(&'s dyn StateRead);

#[derive(Clone, Copy)]
enum Never {}

/// The schemas that are written with, parsed once.
struct Written {
    enriched: Schema,
    enriched_fingerprint: u64,
    state: Schema,
    state_fingerprint: u64,
}

fn written() -> Result<&'static Written, CodecError> {
    static WRITTEN: OnceLock<Result<Written, CodecError>> = OnceLock::new();
    let made = WRITTEN.get_or_init(|| {
        let parse = |text| record::schema(text).map_err(failed);
        let (enriched, state) = (parse(record::ENRICHED_SCHEMA)?, parse(record::STATE_SCHEMA)?);
        let (enriched_fingerprint, state_fingerprint) = (record::fingerprint(&enriched), record::fingerprint(&state));
        Ok(Written { enriched, enriched_fingerprint, state, state_fingerprint })
    });
    made.as_ref().map_err(CodecError::clone)
}

fn failed(error: anyhow::Error) -> CodecError {
    CodecError(error.to_string())
}

impl flow::Processor for Enrich {
    const TOPOLOGY: &'static Topology = &TOPOLOGY;
    type In<'a> = In<'a>;
    type Out<'a> = Out<'a>;
    type Reply<'a> = Never;
    type State<'s> = State<'s>;
    type Change = KnownItem;
    type Wake = Never;
}

impl flow::Codec for Enrich {
    type Schema = Schema;

    fn schema(text: &str) -> Result<Schema, CodecError> {
        record::schema(text).map_err(failed)
    }

    fn decode<'a>(_: usize, record: &str, schema: &Schema, body: &'a [u8]) -> Result<Decoded<'a, Self>, CodecError> {
        let (facts, key, content, input) = match record {
            "Item" => {
                let item: Item<'a> = record::read(schema, body).map_err(failed)?;
                let fields = [
                    ("currency", Value::Text(item.currency)),
                    ("item_id", Value::Text(item.item_id)),
                    ("name", Value::Text(item.name)),
                    ("unit_price_minor", Value::Long(item.unit_price_minor)),
                ];
                (item.meta, item.item_id, record::content(record, &fields), In::Item(item))
            }
            "Line" => {
                let line: Line<'a> = record::read(schema, body).map_err(failed)?;
                let fields = [
                    ("item_id", Value::Text(line.item_id)),
                    ("line_no", Value::Long(line.line_no.into())),
                    ("order_id", Value::Text(line.order_id)),
                    ("quantity", Value::Long(line.quantity)),
                ];
                (line.meta, line.item_id, record::content(record, &fields), In::Line(line))
            }
            other => return Err(CodecError(format!("record \"{other}\""))),
        };
        Ok(Decoded { meta: facts.meta(), key: key.into(), identity: None, content, input })
    }

    fn tombstone<'a>(_: usize) -> Option<In<'a>> {
        None
    }

    fn wake<'a>(_: u8, _: &'a str) -> Option<In<'a>> {
        None
    }

    fn wake_kind(wake: Never) -> u8 {
        match wake {}
    }

    fn route<'o>(out: &'o Out<'_>) -> (usize, &'static str, &'o str) {
        (0, "Enriched", out.line.item_id)
    }

    fn encode(out: &Out<'_>, meta: &Meta, buffer: &mut Vec<u8>) -> Result<Encoded, CodecError> {
        let written = written()?;
        let enriched: Enriched<'_> = record::enrich(Facts::of(meta), &out.line, &out.item);
        record::write(&written.enriched, &enriched, buffer).map_err(failed)?;
        let fields = [
            ("amount_minor", Value::Long(enriched.amount_minor)),
            ("currency", Value::Text(enriched.currency)),
            ("item_id", Value::Text(enriched.item_id)),
            ("line_no", Value::Long(enriched.line_no.into())),
            ("name", Value::Text(enriched.name)),
            ("order_id", Value::Text(enriched.order_id)),
            ("quantity", Value::Long(enriched.quantity)),
        ];
        Ok(Encoded {
            record: "Enriched",
            version: record::VERSION,
            fingerprint: written.enriched_fingerprint,
            content: record::content("Enriched", &fields),
        })
    }

    fn route_reply(reply: &Never) -> (&'static str, &str) {
        match *reply {}
    }

    fn encode_reply(reply: &Never, _: &Meta, _: &mut Vec<u8>) -> Result<Encoded, CodecError> {
        match *reply {}
    }

    fn change(item: &KnownItem) -> Result<(u8, &[u8], Option<Vec<u8>>), CodecError> {
        let written = written()?;
        let mut bytes = written.state_fingerprint.to_le_bytes().to_vec();
        record::write(&written.state, item, &mut bytes).map_err(failed)?;
        Ok((0, &[], Some(bytes)))
    }

    fn state(read: &dyn StateRead) -> State<'_> {
        State(read)
    }
}

impl State<'_> {
    fn item(&self) -> Option<KnownItem> {
        let bytes = self.0.get(0, &[])?;
        let item = written().ok().and_then(|written| record::read_owned(&written.state, bytes.get(8..)?).ok());
        if item.is_none() {
            self.0.unreadable(0, "no item");
        }
        item
    }
}

fn handle<'a>(event: flow::Event<'a, Enrich>, state: &State<'_>) -> flow::Handled<'a, Enrich> {
    let mut effects = flow::Effects::new();
    match event.input {
        In::Item(item) => effects.change(KnownItem {
            name: item.name.to_owned(),
            unit_price_minor: item.unit_price_minor,
            currency: item.currency.to_owned(),
        }),
        In::Line(line) => {
            let item = state.item().ok_or_else(|| Reject::new(Code::Invalid, "nobody has registered this item"))?;
            effects.emit(Out { line, item });
        }
    }
    Ok(effects)
}

fn schemas() -> Result<Schemas> {
    let known = [(record::ITEM_ID, "Item", record::ITEM_SCHEMA), (record::LINE_ID, "Line", record::LINE_SCHEMA)];
    let entry = |(id, name, text): (u32, &str, &'static str)| {
        let fingerprint = record::fingerprint(&record::schema(text)?);
        Ok((id, WriterSchema { record: name.to_owned(), fingerprint, text: text.into() }))
    };
    Ok(Schemas::new(known.into_iter().map(entry).collect::<Result<Vec<_>>>()?, false))
}

/// Runs the job; the time runs from the first records to the commit of the last.
pub fn run(job: &Job, data: &Path) -> Result<Outcome> {
    let disk = Arc::new(SledDisk::open(data)?);
    let stop = Arc::new(AtomicBool::new(false));
    let flusher = spawn_flusher(disk.clone(), stop.clone())?;
    let fingerprint = written().map_err(|error| anyhow!("{}", error.0))?.enriched_fingerprint;
    let wire_ids = HashMap::from([(fingerprint, record::ENRICHED_ID)]);
    let worker = Worker::new(erase::<Enrich>(handle), wire_ids, Limits::default());
    let settings = KafkaSettings { bootstrap: job.bootstrap.clone(), instance: "0".into(), ..KafkaSettings::default() };
    let transport = KafkaTransport::open(settings, 0, &TOPOLOGY, disk.clone(), Restores::default())?;
    let mut driver = Driver::new(worker, transport, disk.clone(), SystemClock::default(), schemas()?);
    let mut began: Option<Moment> = None;
    let (seconds, cpu_seconds) = loop {
        let before = began.is_none().then(Moment::now);
        let records = driver.turn()?;
        if records > 0 {
            began = began.or(before);
        }
        // The input was written without transactions: its offsets count its records.
        let done: i64 = driver.worker.tasks().map(|task| task.committed.positions[0]).sum();
        if let Some(began) = began
            && done >= job.total() as i64
        {
            break began.passed();
        }
    };
    let counts = driver.worker.counts();
    let outcome = Outcome {
        seconds,
        cpu_seconds,
        transactions: counts.commits,
        aborts: counts.aborts,
        peak_mb: crate::peak_mb(),
    };
    driver.stop()?;
    drop(driver);
    stop.store(true, Ordering::Relaxed);
    flusher.thread().unpark();
    drop(flusher.join());
    disk.close();
    Ok(outcome)
}
