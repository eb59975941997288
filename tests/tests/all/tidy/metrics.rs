//! A name of a metric stands in one list; whoever names one elsewhere names one of that list.

use engine::shell::metrics::Metric;

use super::tree::Tree;

/// Where they are listed.
const LIST: &str = "crates/engine/src/shell/metrics.rs";
/// What Prometheus appends to the name of a histogram.
const PARTS: &[&str] = &["_bucket", "_sum", "_count"];

/// Rust takes names from the list; everything else names what is in it.
pub fn names_are_listed(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for file in tree.files.iter().filter(|file| file.path != LIST) {
        for (at, line) in file.lines() {
            for name in names(line) {
                let whole = PARTS.iter().find_map(|part| name.strip_suffix(part)).unwrap_or(name);
                if !Metric::ALL.iter().any(|metric| metric.name() == whole) {
                    found.push(file.at(at, format_args!("there is no metric \"{name}\"")));
                } else if file.path.ends_with(".rs") {
                    found.push(file.at(at, format_args!("\"{name}\" is spelt out; `Metric` has its name")));
                }
            }
        }
    }
    found
}

fn names(line: &str) -> impl Iterator<Item = &str> {
    let words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.strip_prefix("orderflow_").is_some_and(|rest| !rest.is_empty()))
}
