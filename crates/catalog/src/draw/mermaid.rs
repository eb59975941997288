//! The topology in Mermaid: processors as boxes, topics as rounded boxes, replies as dotted lines.

use crate::Catalog;
use crate::draw::{Notes, graph::graph};

/// A flowchart, left to right; `origin` is its first line, as a comment.
pub fn mermaid(catalog: &Catalog, origin: &str, more: &Notes) -> String {
    let graph = graph(catalog, more);
    let mut out = format!("%% {origin}\nflowchart LR\n");
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
