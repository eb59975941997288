//! Spans to an OpenTelemetry collector, over OTLP (HTTP, protobuf).

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use engine::core::logic::Outcome;
use engine::shell::spans::{Span, SpanKind, SpanSink, Spans};
use opentelemetry::trace::{Link, SpanContext, SpanId, SpanKind as OtelKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SpanData, SpanEvents, SpanLinks, SpanProcessor,
};

use crate::failure::Failure;

/// Spans that wait for the collector, per processor; more are dropped. Some 1 kB each.
const QUEUE_MAX: usize = 8_192;
/// How long a call to the collector may take, and how long the last one is waited for at the end.
const CALL: Duration = Duration::from_secs(5);

/// Flags of what runs processors.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
pub struct Args {
    /// OpenTelemetry collector that takes OTLP over HTTP, such as http://localhost:4318; no spans when not given
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL", hide_env_values = true)]
    otlp: Option<String>,
    /// Share of traces that is told of, 0 to 1; all processors choose the same ones
    #[arg(long, env = "ORDERFLOW_TRACE_RATIO", value_name = "SHARE", default_value = "1", value_parser = ratio)]
    trace_ratio: f64,
}

fn ratio(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "a number from 0 to 1".to_owned())?;
    if (0.0..=1.0).contains(&number) { Ok(number) } else { Err("a number from 0 to 1".to_owned()) }
}

/// Where spans go.
#[derive(Debug)]
pub struct Otlp {
    endpoint: String,
    ratio: f64,
    instance: String,
    /// One per processor: a processor is a service of its own.
    services: Vec<(&'static str, Arc<BatchSpanProcessor>)>,
}

impl Otlp {
    /// `None` when no collector is named.
    pub fn open(args: &Args, instance: &str) -> anyhow::Result<Option<Otlp>> {
        let Some(url) = args.otlp.as_deref().filter(|url| !url.is_empty()) else { return Ok(None) };
        let usage = |what: &str, hint: &str| Failure::usage("bad-otlp-url", what, hint);
        let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
        let Some(host) = rest.and_then(|rest| rest.split('/').next()).filter(|host| !host.is_empty()) else {
            return Err(usage("the collector's URL is not http:// or https://", "such as http://localhost:4318").into());
        };
        if host.contains('@') {
            let hint = "name what authorises in OTEL_EXPORTER_OTLP_HEADERS, such as authorization=Basic%20...";
            return Err(usage("the collector's URL holds a user or a password", hint).into());
        }
        let base = url.trim_end_matches('/');
        let endpoint = if base.ends_with("/v1/traces") { base.to_owned() } else { format!("{base}/v1/traces") };
        Ok(Some(Otlp { endpoint, ratio: args.trace_ratio, instance: instance.to_owned(), services: Vec::new() }))
    }

    /// Spans of one worker of a processor.
    pub fn spans(&mut self, processor: &'static str) -> anyhow::Result<Spans> {
        let known = self.services.iter().find(|(name, _)| *name == processor).map(|(_, service)| service.clone());
        let service = match known {
            Some(service) => service,
            None => {
                let service = Arc::new(self.service(processor)?);
                self.services.push((processor, service.clone()));
                service
            }
        };
        let scope = InstrumentationScope::builder("orderflow").with_version(env!("CARGO_PKG_VERSION")).build();
        Ok(Spans::new(Box::new(Sink { service, processor, scope }), self.ratio))
    }

    fn service(&self, processor: &'static str) -> anyhow::Result<BatchSpanProcessor> {
        let exporter =
            SpanExporter::builder().with_http().with_endpoint(&self.endpoint).with_timeout(CALL).build().map_err(
                |error| {
                    let what = format!("spans to \"{}\": {error}", self.endpoint);
                    Failure::usage("bad-otlp-url", what, "such as http://localhost:4318")
                },
            )?;
        let endpoint = self.endpoint.clone();
        let exporter = Telling { exporter, endpoint, processor, down: AtomicBool::new(false) };
        let batch = BatchConfigBuilder::default()
            .with_max_queue_size(QUEUE_MAX)
            .with_scheduled_delay(Duration::from_secs(1))
            .build();
        let mut service = BatchSpanProcessor::builder(exporter).with_batch_config(batch).build();
        let resource = Resource::builder()
            .with_service_name(processor)
            .with_attribute(KeyValue::new("service.namespace", "orderflow"))
            .with_attribute(KeyValue::new("service.instance.id", self.instance.clone()))
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        service.set_resource(&resource);
        Ok(service)
    }

    /// Sends what waits, once every worker has ended.
    pub fn close(&mut self) {
        // At the same time: a collector that is away is waited for once.
        std::thread::scope(|scope| {
            for (_, service) in self.services.drain(..) {
                // That spans were not taken has been said.
                scope.spawn(move || drop(service.shutdown_with_timeout(CALL)));
            }
        });
    }
}

/// Says once that a collector does not take spans, and once that it does again.
#[derive(Debug)]
struct Telling<E> {
    exporter: E,
    endpoint: String,
    processor: &'static str,
    down: AtomicBool,
}

impl<E: opentelemetry_sdk::trace::SpanExporter> opentelemetry_sdk::trace::SpanExporter for Telling<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let done = self.exporter.export(batch).await;
        let (processor, endpoint) = (self.processor, &self.endpoint);
        match &done {
            Ok(()) if self.down.swap(false, Ordering::Relaxed) => {
                tracing::info!(processor, "collector \"{endpoint}\" takes spans again");
            }
            Err(error) if !self.down.swap(true, Ordering::Relaxed) => {
                tracing::warn!(processor, "collector \"{endpoint}\" takes no spans, they are dropped: {error}");
            }
            _ => {}
        }
        done
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

struct Sink {
    service: Arc<BatchSpanProcessor>,
    processor: &'static str,
    scope: InstrumentationScope,
}

impl SpanSink for Sink {
    fn take(&mut self, spans: &mut Vec<Span>) {
        for span in spans.drain(..) {
            self.service.on_end(data(span, self.processor, &self.scope));
        }
    }
}

/// A span in OpenTelemetry's words (semantic conventions for messaging, Kafka).
fn data(span: Span, processor: &'static str, scope: &InstrumentationScope) -> SpanData {
    let context = |trace: flow::Id, span: [u8; 8], remote: bool| {
        let (trace, span) = (TraceId::from_bytes(trace.0), SpanId::from_bytes(span));
        SpanContext::new(trace, span, TraceFlags::SAMPLED, remote, TraceState::default())
    };
    let (kind, operation) = match (span.kind, span.topic) {
        (SpanKind::Send, _) => (OtelKind::Producer, "send"),
        (SpanKind::Process, "") => (OtelKind::Internal, "timer"),
        (SpanKind::Process, _) => (OtelKind::Consumer, "process"),
    };
    let mut attributes = vec![
        KeyValue::new("orderflow.processor", processor),
        KeyValue::new("orderflow.event_id", span.event_id.to_string()),
    ];
    if span.ticket_id != flow::Id::NIL {
        attributes.push(KeyValue::new("orderflow.ticket_id", span.ticket_id.to_string()));
    }
    if !span.record.is_empty() {
        attributes.push(KeyValue::new("orderflow.record", span.record));
    }
    let name: Cow<'static, str> = if span.topic.is_empty() {
        Cow::Borrowed(operation)
    } else {
        attributes.extend([
            KeyValue::new("messaging.system", "kafka"),
            KeyValue::new("messaging.operation.name", operation),
            KeyValue::new("messaging.operation.type", operation),
            KeyValue::new("messaging.destination.name", span.topic),
            KeyValue::new("messaging.destination.partition.id", span.partition.to_string()),
        ]);
        Cow::Owned(format!("{operation} {}", span.topic))
    };
    if let Some(offset) = span.offset {
        attributes.push(KeyValue::new("messaging.kafka.offset", offset));
        attributes.push(KeyValue::new("messaging.consumer.group.name", processor));
    }
    let mut status = Status::Unset;
    if span.kind == SpanKind::Process {
        let outcome = match span.outcome {
            Ok(Outcome::Handled) => "handled",
            Ok(Outcome::Duplicate) => "duplicate",
            Err(code) => {
                status = Status::error(format!("rejected: {}", code.as_str()));
                attributes.push(KeyValue::new("error.type", code.as_str()));
                "rejected"
            }
        };
        attributes.push(KeyValue::new("orderflow.outcome", outcome));
    }
    let mut links = SpanLinks::default();
    links.links.extend(span.link.map(|(trace, id)| Link::new(context(trace, id, true), Vec::new(), 0)));
    SpanData {
        span_context: context(span.trace_id, span.span_id, false),
        parent_span_id: span.parent.map_or(SpanId::INVALID, SpanId::from_bytes),
        parent_span_is_remote: span.kind == SpanKind::Process,
        span_kind: kind,
        name,
        start_time: time(span.start_us),
        end_time: time(span.end_us),
        attributes,
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links,
        status,
        instrumentation_scope: scope.clone(),
    }
}

fn time(unix_us: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(unix_us.max(0) as u64)
}
