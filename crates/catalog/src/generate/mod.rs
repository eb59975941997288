//! From the catalog to files: crates/contract/src/generated, schemas/released, docs/topology and the chart's contract.

mod chart;
mod consts;
mod name;
mod processor;
mod schema;
mod wire;

pub use name::{camel, module as module_name, snake as snake_name};

use std::path::PathBuf;

use crate::{Catalog, LOCK_FILE, draw, released};

const GENERATED_DIR: &str = "crates/contract/src/generated";
/// First line of every generated Rust file.
const HEADER: &str = "// Generated from topics.yaml and schemas/ by `make contract`; do not edit.\n";

/// Every generated file: its path from the root of the checkout and its content. The same catalog gives the same bytes.
pub fn generate(catalog: &Catalog) -> Vec<(PathBuf, String)> {
    let mut files: Vec<(String, String)> = Vec::new();
    let mut rust =
        |path: String, text: String| files.push((format!("{GENERATED_DIR}/{path}.rs"), HEADER.to_owned() + &text));
    rust("mod".into(), consts::root(catalog));
    rust("released".into(), consts::released(catalog));
    rust("topics".into(), consts::topics(catalog));
    if let Some(text) = schema::shared(catalog) {
        rust("shared".into(), text);
    }
    rust("state".into(), schema::state(catalog));
    for topic in &catalog.topics {
        rust(name::module(&topic.name), schema::topic(catalog, topic));
    }
    for processor in &catalog.processors {
        rust(name::module(&processor.name), processor::module(catalog, processor));
    }
    for release in &catalog.releases {
        files.push((release.path(), release.text.clone()));
    }
    files.push((LOCK_FILE.to_owned(), released::lock(&catalog.releases)));
    files.push(("docs/topology.mmd".to_owned(), draw::mermaid(catalog, draw::COMMITTED, &draw::Notes::new())));
    files.push(("docs/topology.svg".to_owned(), draw::svg(catalog, draw::COMMITTED, &draw::Notes::new())));
    files.push(("helm/orderflow/generated/contract.yaml".to_owned(), chart::contract(catalog)));
    files.into_iter().map(|(path, text)| (PathBuf::from(path), text)).collect()
}
