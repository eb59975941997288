//! One order followed across processors, as an OpenTelemetry collector is told of it; and what is logged, changed live.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tests::{Orderflow, eventually, free_address};

const LIMIT: Duration = Duration::from_secs(300);

/// Something that takes OTLP over HTTP: the bodies that it was sent.
fn collector() -> Result<(String, Receiver<Vec<u8>>)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let url = format!("http://{}", listener.local_addr()?);
    let (bodies, taken) = channel();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let bodies = bodies.clone();
            thread::spawn(move || {
                let mut reader = BufReader::new(stream);
                while let Some(body) = request(&mut reader) {
                    if bodies.send(body).is_err() {
                        return;
                    }
                    let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
                    if reader.get_mut().write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    Ok((url, taken))
}

/// The body of the next request on this connection; `None` at its end.
fn request(reader: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut length = 0;
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let text = line.trim().to_ascii_lowercase();
        if let Some(number) = text.strip_prefix("content-length:") {
            length = number.trim().parse().ok()?;
        }
        if text.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(body)
}

/// A span and the service that told of it.
struct Told {
    service: String,
    span: Span,
}

impl Told {
    fn text(&self, name: &str) -> &str {
        text(&self.span.attributes, name).unwrap_or_default()
    }
}

fn text<'a>(attributes: &'a [KeyValue], name: &str) -> Option<&'a str> {
    let value = attributes.iter().find(|attribute| attribute.key == name)?.value.as_ref()?;
    match value.value.as_ref()? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}

/// Runs the demo on an embedded log to its end; every span of it.
fn traced_demo(folder: &Path, args: &[&str]) -> Result<Vec<Told>> {
    let (url, taken) = collector()?;
    let fixed = ["demo", "--scale", "0.0005", "--late", "0.1", "--scarce", "0.1", "--json", "--otlp", &url];
    let mut demo = Orderflow::new("demo", folder.join("demo"), [&fixed, args].concat())?;
    demo.start()?;
    let ended = demo.wait(LIMIT)?.expect(0)?;
    ensure!(ended.err.is_empty() || !ended.err.contains("WARN"), "{}", ended.err);
    let mut all = Vec::new();
    for body in taken.try_iter() {
        for resource in ExportTraceServiceRequest::decode(&body[..])?.resource_spans {
            let attributes = resource.resource.context("no resource")?.attributes;
            let service = text(&attributes, "service.name").context("no service.name")?.to_owned();
            for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                all.push(Told { service: service.clone(), span });
            }
        }
    }
    Ok(all)
}

#[test]
fn an_order_is_one_trace_across_processors_whatever_it_waited_for() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let all = traced_demo(folder.path(), &[])?;
    let by_id: HashMap<(&[u8], &[u8]), &Told> =
        all.iter().map(|told| ((&told.span.trace_id[..], &told.span.span_id[..]), told)).collect();
    let mut orders: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let (mut resumed, mut duplicates, mut rejected) = (0, 0, 0);
    for told in &all {
        let (span, record) = (&told.span, told.text("orderflow.record"));
        let what = format!("{} {} {record} of {}", told.service, span.name, told.text("orderflow.event_id"));
        let ticket = told.text("orderflow.ticket_id");
        if !ticket.is_empty() {
            ensure!(hex(&span.trace_id) == ticket.replace('-', ""), "{what}: not in its ticket's trace");
            if told.service != "item-lookup" || told.text("messaging.destination.name") != "item-commands.v1" {
                orders.entry(ticket).or_default().insert(&told.service);
            }
        }
        ensure!(span.start_time_unix_nano > 0 && span.end_time_unix_nano >= span.start_time_unix_nano, "{what}: times");
        let event = told.text("orderflow.event_id").replace('-', "");
        match told.text("messaging.operation.name") {
            "send" => {
                ensure!(hex(&span.span_id) == event[..16], "{what}: its span is not that of its event");
                // What was sent because of another ticket's record says which.
                let cause = match &span.links[..] {
                    [] => (&span.trace_id[..], &span.parent_span_id[..]),
                    [link] => (&link.trace_id[..], &link.span_id[..]),
                    _ => anyhow::bail!("{what}: several links"),
                };
                let cause = by_id.get(&cause).with_context(|| format!("{what}: nobody told of what led to it"))?;
                ensure!(cause.service == told.service, "{what}: led to by {}", cause.service);
                if record == "LineResumed" {
                    resumed += 1;
                    ensure!(span.links.len() == 1, "{what}: no link to the item's registration");
                    // Many lines are released in portions, by a timer each.
                    let by_timer = cause.span.name == "timer";
                    ensure!(
                        by_timer || cause.text("orderflow.record") == "RegisterItem",
                        "{what}: {}",
                        cause.span.name
                    );
                }
            }
            "process" if !span.parent_span_id.is_empty() => {
                ensure!(hex(&span.parent_span_id) == event[..16], "{what}: its parent is not the sending of its event");
                // Commands come from outside: nobody here sent them.
                if !told.text("messaging.destination.name").ends_with("-commands.v1") {
                    let parent = by_id.get(&(&span.trace_id[..], &span.parent_span_id[..]));
                    ensure!(parent.is_some(), "{what}: nobody told of its parent");
                }
            }
            _ => {}
        }
        match told.text("orderflow.outcome") {
            "duplicate" => duplicates += 1,
            "rejected" => {
                rejected += 1;
                ensure!(!told.text("error.type").is_empty(), "{what}: rejected, and no code");
                ensure!(span.status.as_ref().is_some_and(|status| status.code == 2), "{what}: no error");
            }
            _ => {}
        }
    }
    let three = BTreeSet::from(["fulfilment", "item-lookup", "order-intake"]);
    let whole = orders.values().filter(|services| **services == three).count();
    println!("{} spans, {whole} orders, {resumed} resumed, {duplicates} dropped, {rejected} rejected", all.len());
    ensure!(whole == 750, "{whole} of 750 orders were followed through all three processors");
    ensure!(resumed > 0 && rejected == 20, "{resumed} lines resumed, {rejected} rejected");
    Ok(())
}

#[test]
fn a_share_of_traces_is_the_same_share_everywhere() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let all = traced_demo(folder.path(), &["--trace-ratio", "0.25"])?;
    let mut orders: BTreeMap<&[u8], BTreeSet<&str>> = BTreeMap::new();
    for told in all.iter().filter(|told| told.text("messaging.destination.name").starts_with("order")) {
        orders.entry(&told.span.trace_id).or_default().insert(&told.service);
    }
    // 750 orders and the duplicates among them, which share their traces.
    ensure!((120..=260).contains(&orders.len()), "a quarter of 750 orders: {}", orders.len());
    let torn = orders.values().filter(|services| !services.contains("fulfilment")).count();
    // Garbage has no order, and ends at order-intake.
    ensure!(torn <= 20, "{torn} traces of {} end in the middle", orders.len());
    Ok(())
}

#[test]
fn a_collector_that_is_away_costs_spans_and_a_warning() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let url = format!("http://{}", free_address()?);
    let args = ["demo", "--scale", "0.0005", "--json", "--otlp", &url, "--log", "warn,engine=debug"];
    let mut demo = Orderflow::new("demo", folder.path().join("demo"), args)?;
    demo.start()?;
    let ended = demo.wait(LIMIT)?.expect(0)?;
    let said: Vec<&str> = ended.err.lines().filter(|line| line.contains("takes no spans")).collect();
    ensure!((1..=3).contains(&said.len()), "one warning a processor: {}", ended.err);
    // Whoever looks for one order greps for its ticket.
    let sent = ended.err.lines().find(|line| line.contains("sent OrderAccepted")).context("nothing sent?")?;
    ensure!(["ticket_id=", "cause=", "event_id="].iter().all(|name| sent.contains(name)), "{sent}");
    Ok(())
}

#[test]
fn what_is_logged_changes_without_a_restart() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (filter, log) = (folder.path().join("filter"), folder.path().join("log"));
    fs::write(&filter, "warn\n")?;
    let data = folder.path().join("data");
    let text = |path: &Path| path.display().to_string();
    let (filter_text, log_text, data_text) = (text(&filter), text(&log), text(&data));
    let args = ["run", "order-intake", "--embedded", &log_text, "--data", &data_text, "--log-format", "json"];
    let args = [&args[..], &["--log-file", &filter_text]].concat();
    let mut process = Orderflow::new("run", folder.path().join("run"), args)?;
    process.start()?;
    // Whether it listens already or not: what stands in the file holds in the end.
    let says = |process: &Orderflow, what: &str| process.log().contains(what);
    eventually("the store", LIMIT, || Ok(data.join("order-intake").exists().then_some(())))?;
    for (written, said) in [("info", "log filter is now \\\"info\\\""), ("engine=loud", "the former one stays")] {
        // Whole or not at all, as Kubernetes does it: half a word may be another filter.
        let aside = filter.with_extension("new");
        fs::write(&aside, written)?;
        fs::rename(&aside, &filter)?;
        eventually(said, LIMIT, || {
            ensure!(process.runs()?, "it ended\n{}", process.tail());
            Ok(says(&process, said).then_some(()))
        })?;
    }
    process.stop()?;
    // Info still holds, and each line is JSON.
    ensure!(says(&process, "\"message\":\"stopped\""), "{}", process.log());
    for line in process.log().lines() {
        serde_json::from_str::<serde_json::Value>(line).with_context(|| line.to_owned())?;
    }
    fs::write(&filter, "engine=loud")?;
    process.start()?;
    let ended = process.wait(LIMIT)?.expect(2)?;
    ensure!(ended.err.contains("error[bad-log-filter]") && ended.err.contains("engine=loud"), "{}", ended.err);
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
