//! What /metrics says on a real Kafka: a lag that reaches 0, and figures of tasks where the tasks are.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use engine::shell::client::Client;
use engine::shell::metrics::Metric;
use tests::{Kafka, Orderflow, Program, eventually, free_address, get};

use super::{LIMIT, PROCESSORS, all_assigned, now_ms, place};

/// Series by metric name and labels.
struct Scraped(BTreeMap<String, f64>);

impl Scraped {
    fn of(address: &str) -> Result<Scraped> {
        let text = get(address, "/metrics")?;
        let lines = text.lines().skip_while(|line| !line.is_empty()).filter(|line| line.starts_with("orderflow_"));
        let pair = |line: &str| {
            let (series, value) = line.rsplit_once(' ').with_context(|| format!("no value: {line}"))?;
            Ok((series.to_owned(), value.parse::<f64>()?))
        };
        Ok(Scraped(lines.map(pair).collect::<Result<_>>()?))
    }

    /// The series of a metric with all of these in their labels.
    fn series<'s>(&'s self, metric: Metric, with: &'s [&str]) -> impl Iterator<Item = (&'s str, f64)> {
        let begin = format!("{}{{", metric.name());
        let found = self
            .0
            .iter()
            .filter(move |(series, _)| series.starts_with(&begin) && with.iter().all(|label| series.contains(label)));
        found.map(|(series, value)| (series.as_str(), *value))
    }

    fn sum(&self, metric: Metric, with: &[&str]) -> f64 {
        self.series(metric, with).map(|(_, value)| value).sum()
    }

    fn timed_commits(&self) -> f64 {
        let begin = format!("{}_count{{", Metric::CommitSeconds.name());
        self.0.iter().filter(|(series, _)| series.starts_with(&begin)).map(|(_, value)| value).sum()
    }

    fn count(&self, metric: Metric, with: &[&str]) -> usize {
        self.series(metric, with).count()
    }
}

fn start(program: &Program, instance: &str) -> Result<(Orderflow, String)> {
    let (listen, data) = (free_address()?, program.arg(instance));
    let args = [&["run"], &PROCESSORS[..], &["--data", &data, "--instance", instance, "--listen", &listen]].concat();
    Ok((program.start(instance, &args)?, listen))
}

#[test]
fn broker_lag_is_0_when_drained_and_figures_move_with_their_tasks() -> Result<()> {
    let kafka = Kafka::start()?;
    let program = Program::new(&kafka.bootstrap())?;
    program.judge(|program| {
        program.ok(&["topics", "apply"])?;
        let (mut first, at) = start(program, "a")?;
        all_assigned(&mut first)?;
        program.ok(&["item", "register", "apple", "--price", "500", "--stock", "10"])?;
        let done = program.ok(&["order", "submit", "--item", "apple=2"])?;
        ensure!(done.out.contains("\nCompleted"), "{done}");
        let parked_ms = now_ms()?;
        program.ok(&["order", "submit", "--item", "ghost=2", "--wait", "3"])?;
        // Twice the same, and one that nobody can read.
        let mut client = program.client()?;
        let twice = place("twice", "apple", 1, parked_ms)?;
        let mut garbage = twice.clone();
        garbage.value = Some(b"garbage".to_vec());
        for message in [twice.clone(), twice, garbage] {
            client.send(message)?;
        }
        client.flush()?;

        // Each input of each task, to the last offset: the markers behind the last records count for nothing.
        let shown = eventually("a lag of 0", LIMIT, || {
            let shown = Scraped::of(&at)?;
            let all = shown.count(Metric::LagRecords, &[]) == 5 * 12;
            let consumed = shown.sum(Metric::ConsumedRecords, &["processor=\"order-intake\""]) == 5.0;
            // Each store is counted by itself, every two seconds.
            let rows = ["table=\"order\"", "table=\"parked\""];
            let rows = rows.iter().all(|table| shown.sum(Metric::StateRows, &[table]) == 1.0);
            // Counted at once, and told a moment later.
            let timed = shown.timed_commits() == shown.sum(Metric::Commits, &[]) && shown.timed_commits() > 0.0;
            let drained = shown.sum(Metric::LagRecords, &[]) == 0.0;
            Ok((all && consumed && rows && timed && drained).then_some(shown))
        })?;
        ensure!(shown.sum(Metric::RejectedRecords, &["code=\"undecodable\""]) == 1.0, "one dead letter");
        ensure!(shown.sum(Metric::RejectedRecords, &[]) == 1.0, "and no other");
        let (_, since) = shown.series(Metric::StateOldest, &["table=\"parked\""]).next().context("since when")?;
        ensure!((since * 1e3 - parked_ms as f64).abs() < 600_000.0, "parked since {since}, not {parked_ms} ms");
        ensure!(shown.count(Metric::StateOldest, &["table=\"order\""]) == 1, "one order is open");
        ensure!(shown.sum(Metric::WorkersReady, &[]) == 3.0 && shown.sum(Metric::TaskOpen, &[]) == 36.0);
        for metric in [Metric::StoreBytes, Metric::StoreFreeBytes, Metric::RoundTripSeconds, Metric::ReceivedBytes] {
            ensure!(shown.sum(metric, &[]) > 0.0, "{} is 0", metric.name());
        }
        let rejected = shown.count(Metric::RejectedRecords, &[]);
        ensure!(
            rejected == 36 * flow::Code::ALL.len(),
            "{rejected} series of dead letters, not one for each code and task"
        );

        // Half of the tasks go to a second instance, and their gauges with them; counters stay where they counted.
        let (mut second, there) = start(program, "b")?;
        eventually("each task to be shown by one instance alone", LIMIT, || {
            // It listens a moment after its start.
            let Ok(there) = Scraped::of(&there) else { return Ok(None) };
            let here = Scraped::of(&at)?;
            let open = |at: &Scraped| {
                at.series(Metric::TaskOpen, &[]).map(|(series, _)| series.to_owned()).collect::<Vec<_>>()
            };
            let (ours, theirs) = (open(&here), open(&there));
            let apart = ours.iter().all(|series| !theirs.contains(series));
            let lag = here.count(Metric::LagRecords, &[]) + there.count(Metric::LagRecords, &[]) == 60;
            Ok((apart && lag && !theirs.is_empty() && ours.len() + theirs.len() == 36).then_some(()))
        })?;
        let here = Scraped::of(&at)?;
        ensure!(here.count(Metric::ConsumedRecords, &[]) == 36, "counters of tasks that have gone");
        ensure!(here.sum(Metric::Rebalances, &[]) >= 3.0, "the rebalance is counted");
        second.stop()?;
        first.stop()
    })
}
