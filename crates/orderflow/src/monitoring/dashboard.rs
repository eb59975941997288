//! The dashboard: the flow, one processor, one partition.

use serde_json::{Value, json};

use super::expression::expand;

/// One panel.
struct Panel {
    title: &'static str,
    about: &'static str,
    /// Grafana's name of the unit.
    unit: &'static str,
    /// (expression, legend).
    queries: &'static [(&'static str, &'static str)],
}

struct Row {
    title: &'static str,
    selector: &'static str,
    panels: &'static [Panel],
}

macro_rules! panels {
    ($($title:literal, $unit:literal, $about:literal: $($query:literal => $legend:literal),+;)*) => {
        &[$(Panel { title: $title, about: $about, unit: $unit, queries: &[$(($query, $legend)),+] }),*]
    };
}

const ROWS: &[Row] = &[
    Row {
        title: "Flow",
        selector: r#"{job=~"$job"}"#,
        panels: panels! {
            "Age of the oldest open order", "s", "0 when no order is open.":
                r#"max(time() - $StateOldest{job=~"$job",processor="fulfilment",table="order"}) or vector(0)"# => "oldest";
            "Open orders and parked lines", "short", "Orders that are neither completed nor rejected; lines that wait for an item.":
                r#"sum($StateRows{job=~"$job",processor="fulfilment",table="order"})"# => "open orders",
                r#"sum($StateRows{job=~"$job",processor="item-lookup",table="parked"})"# => "parked lines";
            "Age of the oldest parked line", "s", "0 when no line waits.":
                r#"max(time() - $StateOldest{job=~"$job",processor="item-lookup",table="parked"}) or vector(0)"# => "oldest";
            "Lag", "short", "Offsets up to the last stable offset, over all partitions.":
                "sum by (processor) ($LagRecords%)" => "{{processor}}";
            "Records consumed", "cps", "Committed inputs per second.":
                "sum by (processor) (rate($ConsumedRecords%[$__rate_interval]))" => "{{processor}}";
            "Records emitted", "cps", "Committed outputs and replies per second.":
                "sum by (processor) (rate($EmittedRecords%[$__rate_interval]))" => "{{processor}}";
            "Dead letters", "short", "Within the shown time.":
                "sum by (processor) (increase($RejectedRecords%[$__range]))" => "{{processor}}";
            "Workers ready", "short", "Of those that run.":
                "sum by (processor) ($WorkersReady%)" => "{{processor}} ready",
                "sum by (processor) ($Workers%)" => "{{processor}} running";
            "Versions", "short", "Instances of each version.":
                "count by (version) ($BuildInfo%)" => "{{version}}";
        },
    },
    Row {
        title: "Processor $processor",
        selector: r#"{job=~"$job",processor="$processor"}"#,
        panels: panels! {
            "Records", "cps", "Per second, committed.":
                "sum(rate($ConsumedRecords%[$__rate_interval]))" => "consumed",
                "sum(rate($EmittedRecords%[$__rate_interval]))" => "emitted",
                "sum(rate($DuplicatesDropped%[$__rate_interval]))" => "duplicates dropped",
                "sum(rate($RepeatsDropped%[$__rate_interval]))" => "repeats dropped",
                "sum(rate($TimersFired%[$__rate_interval]))" => "timers";
            "Lag by input", "short", "Sum over the partitions, and the worst of them.":
                "sum by (topic) ($LagRecords%)" => "{{topic}}",
                "max by (topic) ($LagRecords%)" => "{{topic}}, worst partition";
            "Dead letters by code", "short", "Within the shown time.":
                "sum by (code) (increase($RejectedRecords%[$__range]))" => "{{code}}";
            "Commit latency", "s", "From the decision to commit until it is known.":
                "histogram_quantile(0.5, sum by (le) (rate($CommitSeconds%[$__rate_interval])))" => "median",
                "histogram_quantile(0.99, sum by (le) (rate($CommitSeconds%[$__rate_interval])))" => "99 %";
            "Transactions", "cps", "Per second.":
                "sum(rate($Commits%[$__rate_interval]))" => "committed",
                "sum(rate($Aborts%[$__rate_interval]))" => "aborted";
            "Records of a transaction", "short", "":
                "histogram_quantile(0.5, sum by (le) (rate($TransactionRecords%[$__rate_interval])))" => "median",
                "histogram_quantile(0.99, sum by (le) (rate($TransactionRecords%[$__rate_interval])))" => "99 %";
            "Bytes of a transaction", "bytes", "Outputs, dead letters and state.":
                "histogram_quantile(0.5, sum by (le) (rate($TransactionBytes%[$__rate_interval])))" => "median",
                "histogram_quantile(0.99, sum by (le) (rate($TransactionBytes%[$__rate_interval])))" => "99 %";
            "Rows of state", "short", "Over all partitions; a processor without state has none.":
                "sum by (table) ($StateRows%)" => "{{table}}";
            "Store", "bytes", "On disk, by instance.":
                "$StoreBytes%" => "{{instance}}",
                "$StoreFreeBytes%" => "{{instance}}, free";
            "Tasks that are not open", "short", "Partitions that restore, the share of it that is done, and those that were stopped (quarantined).":
                "count($TaskOpen% == 0) or vector(0)" => "tasks",
                "sum($TaskQuarantined%) or vector(0)" => "stopped",
                "sum($RestoreDoneRecords%) / (sum($RestoreRecords%) > 0) or vector(1)" => "done";
            "Group", "short", "Within the shown time.":
                "sum(increase($Rebalances%[$__range]))" => "rebalances",
                "sum(increase($Rejoins%[$__range]))" => "new sessions",
                "sum(increase($ClockSteps%[$__range]))" => "clock set";
            "Brokers: round trip", "s", "99 % of the requests of the last second; none on an embedded log.":
                "max by (client) ($RoundTripSeconds%)" => "{{client}}";
            "Brokers: trouble", "short", "Within the shown time; none on an embedded log.":
                "sum by (client) (increase($RequestTimeouts%[$__range]))" => "{{client}}, timeouts",
                "sum by (client) (increase($RequestErrors%[$__range]))" => "{{client}}, errors",
                "sum by (client) (increase($Disconnects%[$__range]))" => "{{client}}, disconnects";
            "Brokers: traffic", "Bps", "Per second; none on an embedded log.":
                "sum by (client) (rate($ReceivedBytes%[$__rate_interval]))" => "{{client}}, received",
                "sum by (client) (rate($SentBytes%[$__rate_interval]))" => "{{client}}, sent";
            "librdkafka's queue", "short", "Records fetched and not taken, or sent and not acknowledged.":
                "max by (client, instance) ($QueueRecords%)" => "{{instance}}, {{client}}";
        },
    },
    Row {
        title: "Partition $task of $processor",
        selector: r#"{job=~"$job",processor="$processor",task="$task"}"#,
        panels: panels! {
            "Who has it", "short", "1: works on it, 0: restores it.":
                "$TaskOpen%" => "{{instance}}";
            "Lag", "short", "By input.":
                "sum by (topic) ($LagRecords%)" => "{{topic}}";
            "Records", "cps", "Per second, committed.":
                "sum(rate($ConsumedRecords%[$__rate_interval]))" => "consumed",
                "sum(rate($EmittedRecords%[$__rate_interval]))" => "emitted",
                "sum(rate($DuplicatesDropped%[$__rate_interval]))" => "duplicates dropped";
            "Dead letters by code", "short", "Within the shown time.":
                "sum by (code) (increase($RejectedRecords%[$__range]))" => "{{code}}";
            "Dedup window", "s", "How far back its bounds lie. Log time below 0 is ahead of the clock.":
                "time() - min by (topic) ($WindowOldest%)" => "{{topic}}, oldest",
                "time() - max by (topic) ($WindowNewest%)" => "{{topic}}, log time";
            "Identities in the window", "short", "":
                "sum by (topic) ($WindowIds%)" => "{{topic}}";
            "Rows of state", "short", "A processor without state has none.":
                "sum by (table) ($StateRows%)" => "{{table}}";
            "Age of the oldest row", "s", "Of the tables that say so; 0 when there is none.":
                "max(time() - $StateOldest%) or vector(0)" => "oldest";
            "Next timer", "s", "Until it is due; below 0 it is late, and 0 when none is set.":
                "min($TimerNext%) - time() or vector(0)" => "due";
            "Restore", "short", "0 when there is none in progress.":
                "sum($RestoreDoneRecords%) or vector(0)" => "read",
                "sum($RestoreRecords%) or vector(0)" => "to read";
        },
    },
];

/// The dashboard as Grafana imports it.
pub fn dashboard() -> String {
    let mut panels: Vec<Value> = Vec::new();
    let mut top = 0;
    for row in ROWS {
        panels.push(json!({
            "id": panels.len() + 1, "type": "row", "title": row.title, "collapsed": false, "panels": [],
            "gridPos": {"h": 1, "w": 24, "x": 0, "y": top},
        }));
        for (number, panel) in row.panels.iter().enumerate() {
            let place = json!({"h": 7, "w": 8, "x": number % 3 * 8, "y": top + 1 + number / 3 * 7});
            panels.push(shown(panel, row.selector, panels.len() + 1, &place));
        }
        top += 1 + row.panels.len().div_ceil(3) * 7;
    }
    let whole = json!({
        "uid": "orderflow", "title": "Orderflow", "tags": ["orderflow"], "schemaVersion": 39, "editable": true,
        "refresh": "30s", "time": {"from": "now-1h", "to": "now"}, "timezone": "",
        "templating": {"list": [
            {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"},
            variable("job", "$BuildInfo, job", true),
            variable("processor", r#"$Workers{job=~"$job"}, processor"#, false),
            variable("task", r#"$TaskOpen{job=~"$job",processor="$processor"}, task"#, false),
        ]},
        "annotations": {"list": []},
        "panels": panels,
    });
    format!("{whole:#}\n")
}

fn source() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

fn variable(name: &str, values: &str, many: bool) -> Value {
    let query = format!("label_values({})", expand(values, ""));
    json!({
        "name": name, "type": "query", "datasource": source(), "refresh": 2, "sort": 3,
        "query": {"query": query, "refId": name}, "definition": query, "multi": many, "includeAll": many,
        "allValue": if many { json!(".+") } else { Value::Null },
        "current": if many { json!({"text": "All", "value": "$__all"}) } else { json!({}) },
    })
}

fn shown(panel: &Panel, selector: &str, id: usize, place: &Value) -> Value {
    let targets = panel.queries.iter().zip('A'..).map(|((query, legend), letter)| {
        json!({
            "refId": letter.to_string(), "datasource": source(), "expr": expand(query, selector),
            "legendFormat": legend, "editorMode": "code", "range": true,
        })
    });
    json!({
        "id": id, "type": "timeseries", "title": panel.title, "description": panel.about, "datasource": source(),
        "gridPos": place, "targets": targets.collect::<Vec<_>>(),
        "fieldConfig": {"defaults": {"unit": panel.unit, "custom": {"lineWidth": 1, "fillOpacity": 10}}, "overrides": []},
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": true},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
    })
}
