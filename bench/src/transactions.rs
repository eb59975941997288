//! `bench transactions`: what a transaction costs the broker, by the number of partitions that it touches.
//!
//! One producer with the engine's settings sends the same records again and again, spread over more and more partitions of
//! one topic, with the offset of one input partition. Back to back the next transaction meets the markers of the last one
//! (CONCURRENT_TRANSACTIONS), which librdkafka answers by waiting for 20 ms; with a pause between them it does not.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use engine::shell::kafka::Wanted;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerGroupMetadata};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::{cpu_seconds, topics};

const SPREADS: [usize; 7] = [1, 4, 12, 24, 36, 48, 72];
const TOPIC: &str = "bench-transactions";
const INPUT: &str = "bench-transactions-in";
const LIMIT: Duration = Duration::from_secs(60);
/// Longer than the markers of a transaction take.
const PAUSE: Duration = Duration::from_millis(60);
/// What librdkafka waits for before it asks again; nothing else here takes that long on a quiet machine.
const WAIT_MS: f64 = 20.0;

/// What a transaction costs the broker, by the number of partitions that it touches
#[derive(Debug, Args)]
pub struct Options {
    /// Records of a transaction
    #[arg(long, default_value_t = 72, value_name = "N", value_parser = clap::value_parser!(u32).range(72..))]
    records: u32,
    /// How long each setting runs in each round, in seconds
    #[arg(long, default_value_t = 4, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Rounds; each runs every setting, so that a disturbance hits all of them
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
}

/// All transactions of one setting.
#[derive(Debug, Default)]
struct Sums {
    seconds: f64,
    broker_cpu_seconds: f64,
    /// From the beginning until every record is delivered: what a wait lengthens.
    send_ms: Vec<f64>,
    commit_ms: Vec<f64>,
}

struct Bench {
    producer: BaseProducer,
    group: ConsumerGroupMetadata,
    broker: String,
    records: u32,
}

impl Bench {
    fn transaction(&self, spread: usize, number: usize, sums: &mut Sums) -> Result<()> {
        let began = Instant::now();
        self.producer.begin_transaction()?;
        for record in 0..self.records as usize {
            let to = BaseRecord::<[u8], [u8]>::to(TOPIC).partition((record % spread) as i32).payload(&[b'x'; 200]);
            self.producer.send(to).map_err(|(error, _)| error)?;
        }
        // librdkafka's own waiting goes in steps of 100 ms.
        while self.producer.in_flight_count() > 0 {
            ensure!(began.elapsed() < LIMIT, "the broker takes no records");
            self.producer.poll(Duration::from_millis(1));
        }
        sums.send_ms.push(began.elapsed().as_secs_f64() * 1e3);
        let sent = Instant::now();
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset(INPUT, 0, Offset::Offset(number as i64))?;
        self.producer.send_offsets_to_transaction(&offsets, &self.group, LIMIT)?;
        self.producer.commit_transaction(LIMIT)?;
        sums.commit_ms.push(sent.elapsed().as_secs_f64() * 1e3);
        Ok(())
    }

    /// What the broker needs for itself, in cores: it counts for no transaction.
    fn idle(&self, seconds: u64) -> f64 {
        let (began, cpu) = (Instant::now(), cpu_seconds(&self.broker));
        std::thread::sleep(Duration::from_secs(seconds));
        (cpu_seconds(&self.broker) - cpu) / began.elapsed().as_secs_f64()
    }

    fn run(&self, spread: usize, pause: Duration, seconds: u64, sums: &mut Sums) -> Result<()> {
        let (began, cpu) = (Instant::now(), cpu_seconds(&self.broker));
        while began.elapsed() < Duration::from_secs(seconds) {
            self.transaction(spread, sums.commit_ms.len(), sums)?;
            std::thread::sleep(pause);
        }
        sums.seconds += began.elapsed().as_secs_f64();
        sums.broker_cpu_seconds += cpu_seconds(&self.broker) - cpu;
        Ok(())
    }
}

/// Runs the benchmark on a broker of its own, as that one's processor time is measured.
pub fn run(options: &Options) -> Result<()> {
    eprintln!("starting Kafka");
    let kafka = tests::Kafka::start()?;
    let most = SPREADS[SPREADS.len() - 1] as u32;
    let wanted = |name: &str, partitions| Wanted { name: name.to_owned(), partitions, config: BTreeMap::new() };
    topics::admin(&kafka.bootstrap())?.create(&[wanted(TOPIC, most), wanted(INPUT, 1)], 1)?;
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", kafka.bootstrap());
    let consumer: BaseConsumer = config.clone().set("group.id", "bench-transactions").create()?;
    let group = consumer.group_metadata().context("no group metadata")?;
    let producer: BaseProducer = config.set("transactional.id", "bench").set("linger.ms", "1").create()?;
    producer.init_transactions(LIMIT)?;
    let broker = kafka.pid().context("it runs")?.to_string();
    let bench = Bench { producer, group, broker, records: options.records };
    eprintln!("warming up");
    for spread in SPREADS {
        bench.run(spread, Duration::ZERO, options.seconds, &mut Sums::default())?;
    }
    println!("{} records of 200 bytes a transaction", options.records);
    for (name, pause) in [("back to back", Duration::ZERO), ("60 ms apart", PAUSE)] {
        let idle = bench.idle(options.seconds);
        let mut all: BTreeMap<usize, Sums> = BTreeMap::new();
        for round in 1..=options.rounds {
            eprintln!("{name}, round {round}");
            for spread in SPREADS {
                bench.run(spread, pause, options.seconds, all.entry(spread).or_default())?;
            }
        }
        print(name, idle, all);
    }
    Ok(())
}

fn print(name: &str, idle: f64, all: BTreeMap<usize, Sums>) {
    println!("\n{name}; the idle broker takes {:.1} % of a core", idle * 1e2);
    println!(
        "partitions  transactions/s  send ms p50/p99  waited  commit ms p50/p99  broker CPU ms  x1: rate   commit  CPU"
    );
    let mut first: Option<[f64; 3]> = None;
    for (spread, mut sums) in all {
        let count = sums.commit_ms.len() as f64;
        let waited = sums.send_ms.iter().filter(|ms| **ms >= WAIT_MS).count() as f64 / count;
        let cpu_ms = (sums.broker_cpu_seconds - idle * sums.seconds) / count * 1e3;
        let mut at = |of: fn(&mut Sums) -> &mut Vec<f64>| {
            let sorted = of(&mut sums);
            sorted.sort_by(f64::total_cmp);
            [0.5, 0.99].map(|share| sorted[(sorted.len() as f64 * share) as usize])
        };
        let (send, commit) = (at(|sums| &mut sums.send_ms), at(|sums| &mut sums.commit_ms));
        let these = [count / sums.seconds, commit[0], cpu_ms];
        let one = *first.get_or_insert(these);
        println!(
            "{spread:>10}  {:>14.1}  {:>7.1}/{:<7.1}  {:>4.0} %  {:>8.1}/{:<8.1}  {cpu_ms:>13.1}  {:>8.2}  {:>6.2}  {:>4.2}",
            these[0],
            send[0],
            send[1],
            waited * 1e2,
            commit[0],
            commit[1],
            these[0] / one[0],
            these[1] / one[1],
            these[2] / one[2]
        );
    }
}
