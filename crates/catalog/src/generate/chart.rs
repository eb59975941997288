//! The contract as the helm chart reads it: processors with inputs and partitions, topics with their configuration.

use serde_json::Value;

use crate::Catalog;

/// `helm/orderflow/generated/contract.yaml`
pub fn contract(catalog: &Catalog) -> String {
    let mut out =
        String::from("# Generated from topics.yaml and schemas/ by `make contract`; do not edit.\nprocessors:\n");
    for processor in &catalog.processors {
        let (name, partitions) = (&processor.name, catalog.partitions(processor));
        out.push_str(&format!("  {name}:\n    about: {}\n    partitions: {partitions}\n", text(&processor.about)));
        out.push_str("    inputs:\n");
        processor.inputs.iter().for_each(|input| out.push_str(&format!("      - {input}\n")));
    }
    out.push_str("topics:\n");
    for topic in catalog.topics() {
        let (name, kind, partitions) = (&topic.name, topic.kind.as_str(), topic.partitions);
        out.push_str(&format!("  {name}:\n    kind: {kind}\n    partitions: {partitions}\n    config:\n"));
        topic.config.iter().for_each(|(name, value)| out.push_str(&format!("      {name}: {}\n", text(value))));
    }
    out
}

/// A JSON string, which is one of YAML, too.
fn text(value: &str) -> Value {
    Value::from(value)
}
