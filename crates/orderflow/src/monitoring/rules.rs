//! The alerts. Each has a page docs/runbooks/<name>.md and a test in tests/chart/rules/.

use std::fmt::Write as _;

use flow::Topology;

use super::expression::expand;

/// Each alert of a file is for all processors at once, or for each by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    All,
    /// `^` stands for the processor's name, `@` for the longest stretch of its dedup window in seconds.
    Each,
}

/// An alert.
pub struct Alert {
    pub name: &'static str,
    pub severity: &'static str,
    /// How long its condition must last; empty: not at all.
    pub after: &'static str,
    pub of: Of,
    /// Every selector of a metric begins with a matcher of the processor: the chart puts the release's before it.
    pub expression: &'static str,
    pub summary: &'static str,
    pub description: &'static str,
}

macro_rules! alerts {
    ($($name:ident: $severity:ident after $after:literal of $of:ident, $expression:literal, $summary:literal, $description:literal;)*) => {
        /// Every alert, the worst first.
        pub const ALERTS: &[Alert] = &[$(Alert {
            name: stringify!($name), severity: stringify!($severity), after: $after, of: Of::$of,
            expression: $expression, summary: $summary, description: $description,
        }),*];
    };
}

alerts! {
    OrderflowProcessorAbsent: critical after "10m" of Each,
        r#"absent($Workers{processor="^"} > 0)"#,
        "No instance of a processor answers",
        "^ runs nowhere. Its input waits and is not lost.";
    OrderflowAborting: critical after "10m" of All,
        r#"increase($Aborts{processor!=""}[10m]) > 0 unless increase($Commits{processor!=""}[10m]) > 0"#,
        "Every transaction is aborted",
        "{{ $labels.instance }} has aborted transactions of {{ $labels.processor }} and committed none.";
    OrderflowTaskQuarantined: critical after "1m" of All,
        r#"$TaskQuarantined{processor!=""} == 1"#,
        "A task has been stopped",
        "{{ $labels.instance }} has stopped task {{ $labels.task }} of {{ $labels.processor }}: going on would lose or double something.";
    OrderflowTaskStalled: critical after "15m" of All,
        r#"$LagRecords{processor!=""} > 0 unless on (instance, processor, task) increase($ConsumedRecords{processor!=""}[10m]) > 0"#,
        "A partition waits and nothing of it is handled",
        "{{ $value }} offsets of {{ $labels.topic }}/{{ $labels.task }} wait for {{ $labels.processor }}, which handles none.";
    OrderflowOrderTooOld: critical after "5m" of All,
        r#"time() - min by (processor, table) ($StateOldest{processor="fulfilment",table="order"}) > 90000"#,
        "An order is open for longer than 25 hours",
        "The oldest open order is {{ $value | humanizeDuration }} old. The commands' own limit is a day.";
    OrderflowDiskFull: critical after "30m" of All,
        r#"predict_linear($StoreFreeBytes{processor!=""}[6h], 14400) < 0"#,
        "The disk of a store is full in four hours",
        "At the pace of the last six hours {{ $labels.instance }} runs out of disk.";
    OrderflowInstanceDown: warning after "10m" of All,
        r#"up == 0 and on (job, instance) last_over_time($Workers{processor!=""}[1d])"#,
        "An instance does not answer",
        "{{ $labels.instance }} is not reached; the others take over its partitions.";
    OrderflowNotReady: warning after "30m" of All,
        r#"$WorkersReady{processor!=""} < $Workers{processor!=""}"#,
        "A worker does not get ready",
        "{{ $labels.instance }} has had a worker of {{ $labels.processor }} with tasks that are not open for half an hour.";
    OrderflowRestoreStuck: warning after "15m" of All,
        r#"$TaskOpen{processor!=""} == 0 unless on (instance, processor, task) changes($RestoreDoneRecords{processor!=""}[10m]) > 0 unless on (instance, processor, task) $TaskQuarantined{processor!=""} == 1"#,
        "A restore does not get on",
        "{{ $labels.instance }} restores task {{ $labels.task }} of {{ $labels.processor }} and reads nothing.";
    OrderflowLagGrowing: warning after "30m" of All,
        r#"sum by (processor, topic) ($LagRecords{processor!=""}) > 1000 and sum by (processor, topic) (deriv($LagRecords{processor!=""}[30m])) > 0"#,
        "The lag grows",
        "{{ $value }} offsets of {{ $labels.topic }} wait for {{ $labels.processor }}, and it becomes more.";
    OrderflowParkedTooLong: warning after "5m" of All,
        r#"time() - min by (processor, table) ($StateOldest{processor="item-lookup",table="parked"}) > 3600"#,
        "A line waits for its item for more than an hour",
        "The oldest parked line has waited for {{ $value | humanizeDuration }}.";
    OrderflowDeadLetters: warning after "" of All,
        r#"sum by (processor, code) (increase($RejectedRecords{processor!=""}[15m])) > 0"#,
        "Records became dead letters",
        "{{ $labels.processor }} put records with code {{ $labels.code }} into {{ $labels.processor }}-dlq.";
    OrderflowFenced: warning after "" of All,
        r#"increase($Rejoins{processor!=""}[15m]) > 1"#,
        "A worker begins new sessions",
        "{{ $labels.instance }} was fenced or refused as {{ $labels.processor }} more than once in a quarter of an hour.";
    OrderflowRebalanceStorm: warning after "15m" of All,
        r#"increase($Rebalances{processor!=""}[15m]) > 10"#,
        "The group does not come to rest",
        "{{ $labels.instance }} has seen {{ $value }} rebalances of {{ $labels.processor }} in a quarter of an hour.";
    OrderflowTimersLate: warning after "5m" of All,
        r#"time() - $TimerNext{processor!=""} > 600"#,
        "A timer is late",
        "A timer of task {{ $labels.task }} of {{ $labels.processor }} was due {{ $value | humanizeDuration }} ago.";
    OrderflowClockAhead: warning after "5m" of All,
        r#"$WindowNewest{processor!=""} - time() > 300"#,
        "A sender's clock is ahead",
        "Records of {{ $labels.topic }}/{{ $labels.task }} are {{ $value | humanizeDuration }} ahead of the clock.";
    OrderflowClockStepped: warning after "" of All,
        r#"increase($ClockSteps{processor!=""}[15m]) > 0"#,
        "The clock of an instance was set",
        "The wall clock of {{ $labels.instance }} was set by more than a minute while {{ $labels.processor }} ran.";
    OrderflowWindowTooLong: warning after "1h" of Each,
        r#"$WindowNewest{processor="^"} - $WindowOldest{processor="^"} > @"#,
        "The dedup window does not expire",
        "Task {{ $labels.task }} of {{ $labels.processor }} keeps identities of {{ $labels.topic }} for {{ $value | humanizeDuration }}.";
    OrderflowStoreGrowing: warning after "1h" of All,
        r#"$StoreBytes{processor!=""} > 1e9 and $StoreBytes{processor!=""} > 2 * ($StoreBytes{processor!=""} offset 7d)"#,
        "A store has doubled within a week",
        "The store of {{ $labels.processor }} on {{ $labels.instance }} takes {{ $value | humanize1024 }}B.";
    OrderflowCommitsSlow: warning after "15m" of All,
        r#"histogram_quantile(0.99, sum by (processor, le) (rate($CommitSeconds{processor!=""}[10m]))) > 1"#,
        "Commits take longer than a second",
        "One of a hundred commits of {{ $labels.processor }} takes {{ $value | humanizeDuration }}.";
    OrderflowBrokerTimeouts: warning after "5m" of All,
        r#"sum by (processor, client) (increase($RequestTimeouts{processor!=""}[15m])) > 0"#,
        "Brokers do not answer in time",
        "Requests of the {{ $labels.client }} of {{ $labels.processor }} timed out.";
}

/// The rules as Prometheus reads them. The chart takes the same file for the PrometheusRule.
pub fn rules(topologies: &[&Topology]) -> String {
    let mut out = String::from(
        "# Generated by `make contract` from crates/orderflow/src/monitoring/rules.rs; do not edit.\ngroups:\n",
    );
    out += "  - name: orderflow\n    rules:\n";
    for alert in ALERTS.iter().filter(|alert| alert.of == Of::All) {
        rule(&mut out, alert, &expand(alert.expression, ""), None);
    }
    for topology in topologies {
        _ = write!(out, "  - name: orderflow-{}\n    rules:\n", topology.name);
        // An eighth is a segment, which expires whole; another one for what is about to.
        let most_s = topology.window_ms / 8 * 10 / 1_000;
        for alert in ALERTS.iter().filter(|alert| alert.of == Of::Each) {
            let expression = alert.expression.replace('^', topology.name).replace('@', &most_s.to_string());
            rule(&mut out, alert, &expand(&expression, ""), Some(topology.name));
        }
    }
    out
}

fn rule(out: &mut String, alert: &Alert, expression: &str, processor: Option<&str>) {
    let Alert { name, severity, after, summary, description, .. } = alert;
    _ = writeln!(out, "      - alert: {name}\n        expr: {}", quoted(expression));
    if !after.is_empty() {
        _ = writeln!(out, "        for: {after}");
    }
    _ = writeln!(out, "        labels:\n          severity: {severity}");
    if let Some(processor) = processor {
        _ = writeln!(out, "          processor: {processor}");
    }
    _ = writeln!(
        out,
        "        annotations:\n          summary: {}\n          \
         description: {}\n          runbook_url: docs/runbooks/{name}.md",
        quoted(&format!("{summary}.")),
        quoted(&description.replace('^', processor.unwrap_or_default())),
    );
}

/// Single quotes of YAML, in which nothing but the quote itself means anything.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
