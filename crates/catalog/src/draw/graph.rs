//! What there is to draw: topics, processors, and who reads and writes what.

use crate::draw::Notes;
use crate::{Catalog, Kind};

/// A box of the picture.
pub struct Node {
    pub name: String,
    /// Short lines below the name.
    pub notes: Vec<String>,
    /// Shown on hovering.
    pub about: String,
    pub processor: bool,
}

/// An arrow from one node to another, by index.
pub struct Edge {
    pub from: usize,
    pub to: usize,
    pub reply: bool,
    /// Leads back to an earlier layer.
    pub back: bool,
}

pub struct Graph {
    pub nodes: Vec<Node>,
    pub edges: Vec<Edge>,
}

/// Nodes and edges, both in the order of topics.yaml.
pub fn graph(catalog: &Catalog, more: &Notes) -> Graph {
    let mut nodes: Vec<Node> = Vec::new();
    for topic in &catalog.topics {
        let inside = catalog.processors.iter().any(|processor| processor.name == topic.owner);
        let kind = match topic.kind {
            Kind::Command => "command",
            Kind::Request => "request",
            Kind::Fact => "fact",
            Kind::Reply => "reply",
        };
        let role = match topic.kind {
            _ if inside => None,
            Kind::Reply => Some(format!("to {}", topic.owner)),
            _ => Some(format!("from {}", topic.owner)),
        };
        nodes.push(Node {
            name: topic.name.clone(),
            notes: [Some(format!("{kind} · by {}", topic.key)), role].into_iter().flatten().collect(),
            about: format!("{} Records: {}.", topic.about, topic.records.join(", ")),
            processor: false,
        });
    }
    let mut graph = Graph { nodes, edges: Vec::new() };
    for processor in &catalog.processors {
        let mut notes = vec!["no state".to_owned()];
        if let Some(state) = &processor.state {
            let own = state.record.rsplit_once('.').map_or("", |(_, name)| name);
            let tables = state.tables.iter().map(|table| table.name.as_str());
            let names: Vec<&str> = [own].into_iter().chain(tables).collect();
            notes = vec![format!("state: {}", names.join(", "))];
        }
        if !processor.wakes.is_empty() {
            notes.push(format!("timers: {}", processor.wakes.join(", ")));
        }
        let (name, about) = (processor.name.clone(), processor.about.clone());
        graph.nodes.push(Node { name, notes, about, processor: true });
        let own = graph.nodes.len() - 1;
        let topic = |name: &String| catalog.topics.iter().position(|topic| topic.name == *name);
        for input in processor.inputs.iter().filter_map(topic) {
            graph.connect(input, own, false);
        }
        for output in processor.outputs.iter().filter_map(topic) {
            graph.connect(own, output, false);
        }
        let answers = |topic: &crate::Topic| topic.records.iter().any(|record| processor.replies.contains(record));
        for (at, topic) in catalog.topics.iter().enumerate() {
            if topic.kind == Kind::Reply && answers(topic) {
                graph.connect(own, at, true);
            }
        }
    }
    for node in &mut graph.nodes {
        node.notes.extend(more.get(&node.name).into_iter().flatten().cloned());
    }
    graph
}

impl Graph {
    /// Adds an edge; one that closes a circle leads back.
    fn connect(&mut self, from: usize, to: usize, reply: bool) {
        let back = self.reaches(to, from);
        self.edges.push(Edge { from, to, reply, back });
    }

    fn reaches(&self, from: usize, to: usize) -> bool {
        let mut seen = vec![false; self.nodes.len()];
        let mut open = vec![from];
        while let Some(node) = open.pop() {
            if node == to {
                return true;
            }
            if !std::mem::replace(&mut seen[node], true) {
                open.extend(self.edges.iter().filter(|edge| !edge.back && edge.from == node).map(|edge| edge.to));
            }
        }
        false
    }

    /// Layer of each node: one more than the last layer before it; a node that nothing leads to stands next to the
    /// first one that reads it.
    pub fn layers(&self) -> Vec<usize> {
        let forward: Vec<&Edge> = self.edges.iter().filter(|edge| !edge.back).collect();
        let mut layers = vec![0usize; self.nodes.len()];
        for _ in 0..self.nodes.len() {
            for edge in &forward {
                layers[edge.to] = layers[edge.to].max(layers[edge.from] + 1);
            }
        }
        for node in 0..self.nodes.len() {
            if forward.iter().all(|edge| edge.to != node) {
                let readers = forward.iter().filter(|edge| edge.from == node).map(|edge| layers[edge.to]);
                layers[node] = readers.min().map_or(0, |layer| layer.saturating_sub(1));
            }
        }
        layers
    }
}
