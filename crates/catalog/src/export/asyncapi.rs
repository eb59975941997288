//! AsyncAPI 3.0 (asyncapi.com, specification 3.0.0): a channel per topic, an operation per processor and topic, a
//! message per record, with Kafka's bindings.

use serde_json::Value;

use crate::catalog::{Processor, Topic};
use crate::export::model::{Model, Party, RecordPage, TopicPage};
use crate::export::node::Node;
use crate::export::wire::{HEADERS, Identity, PARTITIONER, prose};
use crate::{Catalog, Kind};

/// Kafka bindings, all of one version.
const BINDINGS: &str = "0.5.0";
const AVRO: &str = "application/vnd.apache.avro+json;version=1.9.0";

/// The whole document.
pub fn asyncapi(catalog: &Catalog, model: &Model<'_>, version: &str) -> Node {
    let mut description =
        String::from("Generated from topics.yaml and schemas/ by `orderflow catalog export`.\n\nA client:\n\n");
    model.rules.iter().for_each(|(about, rule)| description.push_str(&format!("- **{about}**: {}\n", prose(rule))));
    let info = Node::map([
        ("title", Some("orderflow".into())),
        ("version", Some(version.into())),
        ("description", Some(description.as_str().into())),
    ]);
    let channels = model.topics.iter().map(|page| (page.topic.name.clone(), channel(page))).collect();
    let mut operations = Vec::new();
    for processor in model.processors {
        received(catalog, processor, &mut operations);
        sent(catalog, processor, &mut operations);
    }
    let wire = model.records.iter().filter(|page| !page.state);
    let messages = wire.map(|page| (page.name.to_owned(), message(catalog, page))).collect();
    let components = Node::map([
        ("messages", Some(Node::Map(messages))),
        ("schemas", Some(Node::map([("headers", Some(headers()))]))),
    ]);
    Node::map([
        ("asyncapi", Some("3.0.0".into())),
        ("info", Some(info)),
        ("defaultContentType", Some("application/vnd.apache.avro".into())),
        ("channels", Some(Node::Map(channels))),
        ("operations", Some(Node::Map(operations))),
        ("components", Some(components)),
    ])
}

fn channel(page: &TopicPage<'_>) -> Node {
    let topic = page.topic;
    let messages = topic.records.iter().map(|record| {
        let message = format!("#/components/messages/{record}");
        (record.clone(), Node::reference(&message))
    });
    let config = |name: &str| page.spec.config.get(name).map_or("", String::as_str);
    let number = |name: &str| config(name).parse::<i64>().ok().map(Node::from);
    let policy = config("cleanup.policy").split(',').map(Node::from).collect();
    let configuration = Node::map([
        ("cleanup.policy", Some(Node::List(policy))),
        ("retention.ms", number("retention.ms")),
        ("max.message.bytes", number("max.message.bytes")),
    ]);
    let kafka = Node::map([
        ("topic", Some(topic.name.as_str().into())),
        ("partitions", Some(i64::from(topic.partitions).into())),
        ("topicConfiguration", Some(configuration)),
        ("bindingVersion", Some(BINDINGS.into())),
    ]);
    Node::map([
        ("address", Some(topic.name.as_str().into())),
        ("title", Some(topic.name.as_str().into())),
        ("description", Some(topic.about.as_str().into())),
        ("messages", Some(Node::Map(messages.collect()))),
        ("bindings", Some(Node::map([("kafka", Some(kafka))]))),
        ("x-kind", Some(page.spec.kind.as_str().into())),
        ("x-key", Some(topic.key.as_str().into())),
        ("x-partitioner", Some(PARTITIONER.into())),
        ("x-identity", Some(Node::List(page.identities.iter().map(identity).collect()))),
        ("x-writers", Some(parties(&page.writers))),
        ("x-readers", Some(parties(&page.readers))),
    ])
}

fn identity(identity: &Identity) -> Node {
    let fields = identity.fields.iter().map(|field| field.as_str().into()).collect();
    Node::map([
        ("processor", Some(identity.processor.as_str().into())),
        ("fields", Some(Node::List(fields))),
        ("window-ms", Some(identity.window_ms.into())),
    ])
}

fn parties(parties: &[Party]) -> Node {
    Node::List(parties.iter().map(|party| party.name.as_str().into()).collect())
}

fn messages_of<'r>(topic: &Topic, records: impl Iterator<Item = &'r String>) -> Node {
    let reference = |record: &String| Node::reference(&format!("#/channels/{}/messages/{record}", topic.name));
    Node::List(records.map(reference).collect())
}

fn operation(
    action: &str,
    processor: &Processor,
    topic: &Topic,
    messages: Node,
    reply: Option<Node>,
) -> (String, Node) {
    let words = if action == "receive" { "reads" } else { "writes" };
    let group =
        Node::map([("type", Some("string".into())), ("enum", Some(Node::List(vec![processor.name.as_str().into()])))]);
    let kafka = Node::map([("groupId", Some(group)), ("bindingVersion", Some(BINDINGS.into()))]);
    let bindings = (action == "receive").then(|| Node::map([("kafka", Some(kafka))]));
    let summary = format!("{} {words} {}", processor.name, topic.name);
    let operation = Node::map([
        ("action", Some(action.into())),
        ("channel", Some(Node::reference(&format!("#/channels/{}", topic.name)))),
        ("summary", Some(summary.as_str().into())),
        ("description", Some(processor.about.as_str().into())),
        ("messages", Some(messages)),
        ("bindings", bindings),
        ("reply", reply),
        ("x-processor", Some(processor.name.as_str().into())),
    ]);
    (format!("{}.{action}.{}", processor.name, topic.name), operation)
}

fn received(catalog: &Catalog, processor: &Processor, operations: &mut Vec<(String, Node)>) {
    for topic in processor.inputs.iter().filter_map(|name| catalog.topic(name)) {
        let messages = messages_of(topic, topic.records.iter());
        let reply = if topic.kind == Kind::Command { reply(catalog, processor) } else { None };
        operations.push(operation("receive", processor, topic, messages, reply));
    }
}

/// The first reply topic that a processor answers to; a command names the topic itself in reply_to.
fn reply(catalog: &Catalog, processor: &Processor) -> Option<Node> {
    let (topic, records) = replies(catalog, processor).into_iter().next()?;
    Some(Node::map([
        ("channel", Some(Node::reference(&format!("#/channels/{}", topic.name)))),
        ("messages", Some(messages_of(topic, records.into_iter()))),
    ]))
}

fn replies<'c>(catalog: &'c Catalog, processor: &Processor) -> Vec<(&'c Topic, Vec<&'c String>)> {
    let topics = catalog.topics.iter().filter(|topic| topic.kind == Kind::Reply);
    let own = topics.map(|topic| {
        let records = topic.records.iter().filter(|record| processor.replies.contains(record)).collect::<Vec<_>>();
        (topic, records)
    });
    own.filter(|(_, records)| !records.is_empty()).collect()
}

fn sent(catalog: &Catalog, processor: &Processor, operations: &mut Vec<(String, Node)>) {
    for topic in processor.outputs.iter().filter_map(|name| catalog.topic(name)) {
        let messages = messages_of(topic, topic.records.iter());
        operations.push(operation("send", processor, topic, messages, None));
    }
    for (topic, records) in replies(catalog, processor) {
        let messages = messages_of(topic, records.into_iter());
        operations.push(operation("send", processor, topic, messages, None));
    }
}

fn message(catalog: &Catalog, page: &RecordPage<'_>) -> Node {
    let release = catalog.schemas.wire(page.name).and_then(|it| catalog.release_of(it));
    let text = release.map_or("null", |release| release.text.as_str());
    let schema: Value = serde_json::from_str(text).unwrap_or_default();
    let payload = Node::map([("schemaFormat", Some(AVRO.into())), ("schema", Some(Node::avro(&schema)))]);
    let key = page.topic.map_or("", |topic| topic.key.as_str());
    let key = Node::map([
        ("type", Some("string".into())),
        ("description", Some(format!("The field {key} of the message").as_str().into())),
    ]);
    let kafka = Node::map([
        ("key", Some(key)),
        ("schemaIdLocation", Some("payload".into())),
        ("schemaIdPayloadEncoding", Some("confluent".into())),
        ("schemaLookupStrategy", Some("TopicRecordNameStrategy".into())),
        ("bindingVersion", Some(BINDINGS.into())),
    ]);
    let versions = page.versions.iter().map(|version| version.version.as_str().into()).collect();
    let full = release.map_or(page.name, |release| release.full.as_str());
    let topic = page.topic.map_or("", |topic| topic.name.as_str());
    Node::map([
        ("name", Some(full.into())),
        ("title", Some(page.name.into())),
        ("summary", Some(page.doc.into()).filter(|_| !page.doc.is_empty())),
        ("headers", Some(Node::reference("#/components/schemas/headers"))),
        ("correlationId", Some(Node::map([("location", Some("$message.header#/ticket_id".into()))]))),
        ("payload", Some(payload)),
        ("bindings", Some(Node::map([("kafka", Some(kafka))]))),
        ("x-versions", Some(Node::List(versions))),
        ("x-subject", Some(format!("{topic}-{full}").as_str().into())),
        ("x-local-schema-id", Some(i64::from(page.local_id).into())),
    ])
}

fn headers() -> Node {
    let text = |about: &str| Node::map([("type", Some("string".into())), ("description", Some(about.into()))]);
    let properties = HEADERS.iter().map(|(name, about)| ((*name).to_owned(), text(about))).collect();
    Node::map([("type", Some("object".into())), ("properties", Some(Node::Map(properties)))])
}
