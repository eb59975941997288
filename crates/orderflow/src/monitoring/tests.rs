//! Generated files, names, labels and the number of series.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use engine::core::counts::TaskCounts;
use engine::shell::metrics::{CLIENTS, Metric};
use engine::shell::observe::{InputReport, Observed, Report, TaskReport};
use flow::Topology;
use metrics_exporter_prometheus::PrometheusBuilder;

use super::rules::{ALERTS, Of};
use super::{dashboard, reference, rules};
use crate::processors;

fn topologies() -> Vec<&'static Topology> {
    processors::ALL.iter().map(|known| known.topology()).collect()
}

fn file(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_committed_pages_are_what_the_list_gives() {
    for (path, text) in [
        ("docs/METRICS.md", reference(&topologies())),
        ("helm/orderflow/generated/dashboard.json", dashboard()),
        ("helm/orderflow/generated/rules.yaml", rules(&topologies())),
    ] {
        assert!(file(path) == text, "{path} is not what `make contract` writes");
    }
}

/// Names in an expression that look like metrics of ours, without what Prometheus appends to histograms.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|it: char| !it.is_ascii_alphanumeric() && it != '_');
    words
        .filter(|word| word.starts_with("orderflow_"))
        .map(|word| word.trim_end_matches("_bucket").to_owned())
        .collect()
}

#[test]
fn every_metric_is_on_the_dashboard_and_every_name_exists() {
    let known: BTreeSet<String> = Metric::ALL.iter().map(|metric| metric.name().to_owned()).collect();
    assert_eq!(names(&dashboard()), known);
    assert!(names(&rules(&topologies())).is_subset(&known));
    // What was not expanded begins with a capital letter.
    let open = |text: &str| text.split('$').skip(1).any(|rest| rest.starts_with(|it: char| it.is_ascii_uppercase()));
    assert!(!open(&dashboard()) && !open(&rules(&topologies())), "a metric that is not in the list");
}

#[test]
fn every_selector_of_a_rule_begins_with_the_processor() {
    for line in rules(&topologies()).lines().filter(|line| line.trim_start().starts_with("expr:")) {
        for (at, _) in line.match_indices("orderflow_") {
            let behind = line[at..].trim_start_matches(|it: char| it.is_ascii_alphanumeric() || it == '_');
            assert!(behind.starts_with("{processor"), "the chart cannot narrow {line}");
        }
    }
}

#[test]
fn alerts_and_runbooks_match_one_to_one() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/runbooks");
    let pages: BTreeSet<String> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let wanted: BTreeSet<String> = ALERTS.iter().map(|alert| format!("{}.md", alert.name)).collect();
    assert_eq!(pages, wanted);
    for alert in ALERTS {
        let page = file(&format!("docs/runbooks/{}.md", alert.name));
        assert!(
            page.starts_with(&format!("# {}\n\n{}.\n", alert.name, alert.summary)),
            "{}: another summary",
            alert.name
        );
        for part in ["## What it means", "## Look first", "## What to do", "## How it ends"] {
            assert!(page.contains(&format!("\n{part}\n")), "{} has no \"{part}\"", alert.name);
        }
        assert_eq!(alert.of == Of::Each, alert.expression.contains('^'), "{}", alert.name);
    }
}

/// A worker that has had every task, and tells everything that can be told.
fn busiest(topology: &Topology) -> Report {
    let input = InputReport { lag: Some(1), window_oldest_ms: Some(1), window_newest_ms: 1, window_ids: 1 };
    let tasks = (0..topology.partitions)
        .map(|task| (task, TaskReport { inputs: vec![input.clone(); topology.inputs.len()], timer_next_ms: Some(1) }));
    let observed = Observed {
        clients: CLIENTS.iter().map(|name| (*name, Default::default())).collect(),
        restoring: (0..topology.partitions).map(|task| (task, (0, 0))).collect(),
        ..Observed::default()
    };
    let task_counts = (0..topology.partitions).map(|task| (task, TaskCounts::default())).collect();
    Report { tasks: tasks.collect(), task_counts, observed, ..Report::default() }
}

#[test]
fn the_stated_number_of_series_is_never_exceeded() {
    let recorder = PrometheusBuilder::new().build_recorder();
    metrics::with_local_recorder(&recorder, || {
        for topology in topologies() {
            super::worker(topology, &topology.name.into(), &busiest(topology));
        }
    });
    let text = recorder.handle().render();
    for metric in Metric::ALL {
        let begins = format!("{}{{", metric.name());
        let series = text.lines().filter(|line| line.starts_with(&begins)).count();
        assert!(series <= metric.series_max(&topologies()), "{}: {series}", metric.name());
    }
    let most: usize = Metric::ALL.iter().map(|metric| metric.series_max(&topologies())).sum();
    assert!(text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).count() <= most);
    assert!(most < 5_000, "{most} series of one process are more than a Prometheus should be asked to keep");
}

#[test]
fn a_task_that_has_moved_away_leaves_its_counters_and_no_gauge() {
    let topology = processors::find("fulfilment").unwrap().topology();
    let shown = |report: &Report| {
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, || super::worker(topology, &"fulfilment".into(), report));
        recorder.handle().render()
    };
    let mut report = busiest(topology);
    report.observed.restoring.clear();
    let has =
        |text: &str, metric: Metric| text.contains(&format!("{}{{processor=\"fulfilment\",task=\"3\"", metric.name()));
    let before = shown(&report);
    report.tasks.remove(&3);
    let after = shown(&report);
    report.quarantined.insert(3, "a position was lost".to_owned());
    report.observed.restoring.insert(3, (0, 0));
    let stopped = format!("{}{{processor=\"fulfilment\",task=\"3\"}} ", Metric::TaskQuarantined.name());
    assert!(before.contains(&(stopped.clone() + "0")) && shown(&report).contains(&(stopped + "1")));
    for metric in [Metric::LagRecords, Metric::TaskOpen, Metric::WindowIds, Metric::TimerNext] {
        assert!(has(&before, metric) && !has(&after, metric), "{}", metric.name());
    }
    assert!(has(&before, Metric::ConsumedRecords) && has(&after, Metric::ConsumedRecords));
    assert!(after.contains("code=\"undecodable\"} 0\n"), "a counter is there before it counts");
}

#[test]
fn what_is_shown_is_of_one_fleet() {
    let exporter = super::Exporter::install().unwrap();
    exporter.show(crate::fleet::View { workers: vec![("fulfilment", Arc::default())], stores: Vec::new() });
    exporter.upkeep();
    assert!(exporter.render().contains(Metric::BuildInfo.name()));
}
