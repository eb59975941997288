//! The topology in Mermaid: processors as boxes, topics as rounded boxes, replies as dotted lines.

use crate::Catalog;
use crate::draw::graph::graph;

/// A flowchart, left to right.
pub fn mermaid(catalog: &Catalog) -> String {
    let graph = graph(catalog);
    let mut out = String::from("%% Generated from topics.yaml by `make contract`; do not edit.\nflowchart LR\n");
    let id = |node: usize| graph.nodes[node].name.replace(['-', '.'], "_");
    for (at, node) in graph.nodes.iter().enumerate() {
        let text = format!("<b>{}</b><br/>{}", node.name, node.notes.join("<br/>"));
        let (open, close) = if node.processor { ("[", "]") } else { ("([", "])") };
        out.push_str(&format!("  {}{open}\"{text}\"{close}\n", id(at)));
    }
    for edge in &graph.edges {
        let arrow = if edge.reply { "-.->" } else { "-->" };
        out.push_str(&format!("  {} {arrow} {}\n", id(edge.from), id(edge.to)));
    }
    out
}
