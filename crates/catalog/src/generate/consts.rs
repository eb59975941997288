//! The root of the generated modules, and the table of released schemas.

use crate::Catalog;
use crate::generate::name::{module, quoted};
use crate::generate::schema::shared;

/// `mod.rs`
pub fn root(catalog: &Catalog) -> String {
    let mut out = String::from("//! The contract as Rust: records by topic, state, and one module per processor.\n\n");
    let mut private = vec!["released".to_owned(), "topics".to_owned()];
    private.extend(shared(catalog).map(|_| "shared".to_owned()));
    private.extend(catalog.topics.iter().map(|topic| module(&topic.name)));
    for name in &private {
        out.push_str(&format!("mod {name};\n"));
    }
    out.push('\n');
    for processor in &catalog.processors {
        out.push_str(&format!("pub mod {};\n", module(&processor.name)));
    }
    out.push_str("pub mod state;\n\n");
    for name in &private {
        out.push_str(&format!("pub use {name}::*;\n"));
    }
    let max = catalog.record_bytes_max;
    out.push_str(&format!(
        "\n/// An encoded input or output above it is a dead letter.\npub const RECORD_BYTES_MAX: usize = {max};\n\n\
         /// topics.yaml as this build knows it.\n\
         pub const TOPICS_YAML: &str = include_str!(\"../../../../topics.yaml\");\n"
    ));
    out.push_str(
        "\n/// schemas/ as this build knows it: path and text of each file.\npub const SCHEMAS: &[(&str, &str)] = &[\n",
    );
    for path in catalog.schemas.files() {
        out.push_str(&format!("    ({0}, include_str!(\"../../../../{path}\")),\n", quoted(path)));
    }
    out.push_str("];\n");
    out
}

/// `released.rs`
pub fn released(catalog: &Catalog) -> String {
    let mut out = String::from(
        "//! Every released schema, by local id.\n\nuse crate::Released;\n\n\
         /// Every version of every record that was ever released; the entry with `local_id` n stands at n - 1.\n\
         pub const RELEASED: &[Released] = &[\n",
    );
    for release in &catalog.releases {
        let topic = if release.state { None } else { catalog.topic_of(&release.record) };
        out.push_str(&format!(
            "    Released {{\n        record: {},\n        full_name: {},\n        state: {},\n        version: {},\n        \
             fingerprint: 0x{:016x},\n        local_id: {},\n        topic: {},\n        \
             text: include_str!(\"../../../../{}\"),\n    }},\n",
            quoted(&release.record),
            quoted(&release.full),
            release.state,
            quoted(&release.version),
            release.fingerprint,
            release.id,
            quoted(topic.map_or("", |topic| &topic.name)),
            release.path(),
        ));
    }
    out.push_str("];\n");
    out
}

/// `topics.rs`
pub fn topics(catalog: &Catalog) -> String {
    let mut out = String::from(
        "//! Every topic as a broker is to have it.\n\nuse crate::TopicSpec;\n\n\
         /// Declared topics in the order of topics.yaml, then four internal ones per processor.\n\
         pub const TOPICS: &[TopicSpec] = &[\n",
    );
    for spec in catalog.topics() {
        out.push_str(&format!(
            "    TopicSpec {{\n        name: {},\n        kind: {},\n        partitions: {},\n        config: &[\n",
            quoted(&spec.name),
            quoted(spec.kind.as_str()),
            spec.partitions,
        ));
        for (name, value) in &spec.config {
            out.push_str(&format!("            ({}, {}),\n", quoted(name), quoted(value)));
        }
        out.push_str("        ],\n    },\n");
    }
    out.push_str("];\n");
    out
}
