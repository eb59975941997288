//! What `/metrics` shows: collected when somebody asks, so that a task that has moved away leaves no stale figure behind.

mod dashboard;
mod expression;
mod reference;
mod rules;
#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};

use engine::shell::metrics::{Kind, Label, Metric};
use engine::shell::observe::{Client, Report};
use flow::{Code, Topology};
use metrics::{SharedString, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use crate::fleet::View;

pub use dashboard::dashboard;
pub use reference::reference;
pub use rules::rules;

/// What `/metrics` answers from.
#[derive(Clone)]
pub struct Exporter {
    /// The distributions, which grow from the start on.
    histograms: PrometheusHandle,
    fleet: Arc<OnceLock<View>>,
}

impl Exporter {
    /// The recorder of this process; once.
    pub fn install() -> Result<Exporter, BuildError> {
        let mut builder = PrometheusBuilder::new();
        for metric in Metric::ALL {
            if let Kind::Histogram(bounds) = metric.kind() {
                builder = builder.set_buckets_for_metric(Matcher::Full(metric.name().to_owned()), bounds)?;
            }
        }
        let histograms = builder.install_recorder()?;
        describe(|kind| matches!(kind, Kind::Histogram(_)));
        Ok(Exporter { histograms, fleet: Arc::default() })
    }

    /// From now on these processors are shown.
    pub fn show(&self, view: View) {
        // A process has one fleet.
        drop(self.fleet.set(view));
    }

    /// Takes what was recorded into the distributions; without it, what nobody asks for would pile up.
    pub fn upkeep(&self) {
        self.histograms.run_upkeep();
    }

    /// The exposition text.
    pub fn render(&self) -> String {
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, || {
            describe(|kind| !matches!(kind, Kind::Histogram(_)));
            set(Metric::BuildInfo, &[(Label::Version, env!("CARGO_PKG_VERSION").into())], 1.0);
            if let Some(view) = self.fleet.get() {
                export(view);
            }
        });
        self.histograms.render() + &recorder.handle().render()
    }
}

fn describe(which: fn(Kind) -> bool) {
    for metric in Metric::ALL.iter().filter(|metric| which(metric.kind())) {
        match metric.kind() {
            Kind::Counter => describe_counter!(metric.name(), Unit::Count, metric.help()),
            Kind::Gauge => describe_gauge!(metric.name(), Unit::Count, metric.help()),
            Kind::Histogram(_) => describe_histogram!(metric.name(), Unit::Count, metric.help()),
        }
    }
}

type Labels = Vec<(&'static str, SharedString)>;

fn labels(metric: Metric, given: &[(Label, SharedString)]) -> Labels {
    debug_assert!(given.iter().map(|(label, _)| label).eq(metric.labels()), "labels of {}", metric.name());
    given.iter().map(|(label, value)| (label.as_str(), value.clone())).collect()
}

fn set(metric: Metric, given: &[(Label, SharedString)], value: f64) {
    gauge!(metric.name(), &labels(metric, given)).set(value);
}

fn add(metric: Metric, given: &[(Label, SharedString)], value: u64) {
    counter!(metric.name(), &labels(metric, given)).increment(value);
}

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1e3
}

fn export(view: &View) {
    for store in &view.stores {
        let of: SharedString = store.topology.name.into();
        let processor = [(Label::Processor, of.clone())];
        set(Metric::StoreBytes, &processor, store.disk.bytes() as f64);
        if let Some(free) = store.disk.free_bytes() {
            set(Metric::StoreFreeBytes, &processor, free as f64);
        }
        let workers = || view.workers.iter().filter(|(name, _)| *name == store.topology.name).map(|(_, status)| status);
        let running = workers().filter(|status| !status.ended());
        set(Metric::Workers, &processor, running.count() as f64);
        set(Metric::WorkersReady, &processor, workers().filter(|status| status.ready()).count() as f64);
        for status in workers() {
            let report = status.report();
            worker(store.topology, &of, &report);
            for task in report.tasks.keys() {
                rows(store, &of, *task);
            }
        }
    }
}

fn worker(topology: &Topology, of: &SharedString, report: &Report) {
    let processor = [(Label::Processor, of.clone())];
    add(Metric::Commits, &processor, report.counts.commits);
    add(Metric::Aborts, &processor, report.counts.aborts);
    add(Metric::Rebalances, &processor, report.observed.rebalances);
    add(Metric::Rejoins, &processor, report.observed.rejoins);
    add(Metric::ClockSteps, &processor, report.counts.clock_steps);
    for (name, figures) in &report.observed.clients {
        client(&[(Label::Processor, of.clone()), (Label::Client, (*name).into())], figures);
    }
    let at = |task: u32| [(Label::Processor, of.clone()), (Label::Task, task.to_string().into())];
    for (id, counts) in &report.task_counts {
        let task = at(*id);
        add(Metric::ConsumedRecords, &task, counts.consumed);
        add(Metric::EmittedRecords, &task, counts.emitted);
        add(Metric::DuplicatesDropped, &task, counts.duplicates);
        add(Metric::RepeatsDropped, &task, counts.repeats);
        add(Metric::TimersFired, &task, counts.wakes);
        // At 0, too: a series that begins with its first dead letter does not increase.
        for (code, count) in Code::ALL.iter().zip(counts.rejected) {
            add(Metric::RejectedRecords, &[&task[..], &[(Label::Code, code.as_str().into())]].concat(), count);
        }
    }
    for (id, open) in &report.tasks {
        let task = at(*id);
        set(Metric::TaskOpen, &task, 1.0);
        set(Metric::TaskQuarantined, &task, 0.0);
        if let Some(due_ms) = open.timer_next_ms {
            set(Metric::TimerNext, &task, seconds(due_ms));
        }
        for (input, known) in open.inputs.iter().zip(topology.inputs) {
            let topic = [&task[..], &[(Label::Topic, known.topic.into())]].concat();
            if let Some(lag) = input.lag {
                set(Metric::LagRecords, &topic, lag as f64);
            }
            if let Some(oldest_ms) = input.window_oldest_ms {
                set(Metric::WindowOldest, &topic, seconds(oldest_ms));
            }
            if input.window_newest_ms > 0 {
                set(Metric::WindowNewest, &topic, seconds(input.window_newest_ms));
            }
            set(Metric::WindowIds, &topic, input.window_ids as f64);
        }
    }
    for id in report.quarantined.keys() {
        set(Metric::TaskOpen, &at(*id), 0.0);
        set(Metric::TaskQuarantined, &at(*id), 1.0);
    }
    for (id, (done, total)) in report.observed.restoring.iter().filter(|(id, _)| !report.quarantined.contains_key(id)) {
        let task = at(*id);
        set(Metric::TaskOpen, &task, 0.0);
        set(Metric::RestoreRecords, &task, *total as f64);
        set(Metric::RestoreDoneRecords, &task, *done as f64);
    }
}

fn client(of: &[(Label, SharedString)], figures: &Client) {
    set(Metric::RoundTripSeconds, of, figures.round_trip_s);
    set(Metric::QueueRecords, of, figures.queue_records as f64);
    add(Metric::RequestTimeouts, of, figures.request_timeouts);
    add(Metric::RequestErrors, of, figures.request_errors);
    add(Metric::Disconnects, of, figures.disconnects);
    add(Metric::ReceivedBytes, of, figures.received_bytes);
    add(Metric::SentBytes, of, figures.sent_bytes);
}

/// Rows of the state tables of an open task.
fn rows(store: &crate::fleet::Store, of: &SharedString, task: u32) {
    let found = store.rows.found();
    for (number, table) in store.topology.tables.iter().enumerate() {
        let rows = u8::try_from(number).ok().and_then(|number| found.get(&(task, number))).copied().unwrap_or_default();
        let place =
            [(Label::Processor, of.clone()), (Label::Task, task.to_string().into()), (Label::Table, (*table).into())];
        set(Metric::StateRows, &place, rows.count as f64);
        if let Some(oldest_ms) = rows.oldest_ms {
            set(Metric::StateOldest, &place, seconds(oldest_ms));
        }
    }
}
