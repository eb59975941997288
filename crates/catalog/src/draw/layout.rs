//! Where each box stands: layers from left to right, few crossings, straight lines where possible (Sugiyama, Tagawa
//! and Toda 1981, in small).

use crate::draw::graph::{Edge, Graph};

const BOX_GAP: f64 = 30.0;
const LINE_GAP: f64 = 26.0;
const SWEEPS: usize = 12;

/// A box, or a place where a line passes a layer.
pub struct Slot {
    /// Index of the node; `None` for a line.
    pub node: Option<usize>,
    pub layer: usize,
    /// Middle, in pixels from the top.
    pub y: f64,
    pub height: f64,
}

pub struct Layout {
    pub slots: Vec<Slot>,
    /// For each edge that does not lead back, its slots from left to right.
    pub paths: Vec<(usize, Vec<usize>)>,
    pub layers: usize,
}

impl Layout {
    /// The slot of a node.
    pub fn of(&self, node: usize) -> &Slot {
        &self.slots[node]
    }
}

/// Places nodes of the given heights.
pub fn layout(graph: &Graph, heights: &[f64]) -> Layout {
    let layers = graph.layers();
    let count = layers.iter().max().map_or(0, |last| last + 1);
    let slot = |node: usize| Slot { node: Some(node), layer: layers[node], y: 0.0, height: heights[node] };
    let mut layout = Layout { slots: (0..graph.nodes.len()).map(slot).collect(), paths: Vec::new(), layers: count };
    for (at, edge) in graph.edges.iter().enumerate().filter(|(_, edge)| !edge.back) {
        layout.thread(at, edge);
    }
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (at, slot) in layout.slots.iter().enumerate() {
        rows[slot.layer].push(at);
    }
    for row in &rows {
        layout.stack(row);
    }
    for sweep in 0..SWEEPS {
        let order: Vec<usize> =
            if sweep % 2 == 0 { (1..count).collect() } else { (0..count.max(1) - 1).rev().collect() };
        for layer in order {
            layout.settle(&mut rows[layer], sweep % 2 == 0, sweep < SWEEPS / 2);
        }
    }
    for row in &mut rows {
        layout.settle_both(row);
    }
    layout
}

impl Layout {
    /// Gives an edge a slot in each layer that it passes.
    fn thread(&mut self, at: usize, edge: &Edge) {
        let mut path = vec![edge.from];
        for layer in self.slots[edge.from].layer + 1..self.slots[edge.to].layer {
            self.slots.push(Slot { node: None, layer, y: 0.0, height: 0.0 });
            path.push(self.slots.len() - 1);
        }
        path.push(edge.to);
        self.paths.push((at, path));
    }

    fn gap(&self, above: usize, below: usize) -> f64 {
        let (above, below) = (&self.slots[above], &self.slots[below]);
        let space = if above.node.is_some() && below.node.is_some() { BOX_GAP } else { LINE_GAP };
        above.height / 2.0 + below.height / 2.0 + space
    }

    fn stack(&mut self, row: &[usize]) {
        for pair in 1..row.len() {
            self.slots[row[pair]].y = self.slots[row[pair - 1]].y + self.gap(row[pair - 1], row[pair]);
        }
    }

    /// Mean height of the neighbours to the left, to the right, or on both sides.
    fn wanted(&self, slot: usize, left: bool, right: bool) -> f64 {
        let mut sum = (0.0, 0.0);
        for pair in self.paths.iter().flat_map(|(_, path)| path.windows(2)) {
            if left && pair[1] == slot {
                sum = (sum.0 + self.slots[pair[0]].y, sum.1 + 1.0);
            }
            if right && pair[0] == slot {
                sum = (sum.0 + self.slots[pair[1]].y, sum.1 + 1.0);
            }
        }
        if sum.1 > 0.0 { sum.0 / sum.1 } else { self.slots[slot].y }
    }

    /// Moves a row towards its neighbours on one side; with `sort` it may change its order too.
    fn settle(&mut self, row: &mut [usize], left: bool, sort: bool) {
        let wanted = |layout: &Layout, slot: &usize| layout.wanted(*slot, left, !left);
        if sort {
            row.sort_by(|one, other| wanted(self, one).total_cmp(&wanted(self, other)));
        }
        let wanted: Vec<f64> = row.iter().map(|slot| wanted(self, slot)).collect();
        self.spread(row, &wanted);
        for at in 1..row.len() {
            if sort && self.crossings(row[at], row[at - 1]) < self.crossings(row[at - 1], row[at]) {
                row.swap(at - 1, at);
                let wanted: Vec<f64> = row.iter().map(|slot| self.wanted(*slot, true, true)).collect();
                self.spread(row, &wanted);
            }
        }
    }

    /// How many lines cross between two slots of one layer and the layers beside it, when the first is above.
    fn crossings(&self, above: usize, below: usize) -> usize {
        let near = |slot: usize, left: bool| {
            let pairs = self.paths.iter().flat_map(|(_, path)| path.windows(2));
            let ends = pairs.map(move |pair| if left { (pair[1], pair[0]) } else { (pair[0], pair[1]) });
            ends.filter(move |(own, _)| *own == slot).map(|(_, other)| self.slots[other].y)
        };
        let count = |left| near(above, left).map(|one| near(below, left).filter(|other| one > *other).count()).sum();
        let (left, right): (usize, usize) = (count(true), count(false));
        left + right
    }

    fn settle_both(&mut self, row: &mut [usize]) {
        let wanted: Vec<f64> = row.iter().map(|slot| self.wanted(*slot, true, true)).collect();
        self.spread(row, &wanted);
    }

    /// As near to the wanted heights as the gaps allow: blocks of touching slots stand at their mean (pool adjacent
    /// violators).
    fn spread(&mut self, row: &[usize], wanted: &[f64]) {
        let mut offsets = vec![0.0; row.len()];
        for at in 1..row.len() {
            offsets[at] = offsets[at - 1] + self.gap(row[at - 1], row[at]);
        }
        let mut blocks: Vec<(f64, usize)> = Vec::new();
        for at in 0..row.len() {
            let mut block = (wanted[at] - offsets[at], 1);
            while let Some(last) =
                blocks.last().copied().filter(|last| last.0 / last.1 as f64 > block.0 / block.1 as f64)
            {
                block = (block.0 + last.0, block.1 + last.1);
                blocks.pop();
            }
            blocks.push(block);
        }
        let means = blocks.iter().flat_map(|(sum, count)| std::iter::repeat_n(sum / *count as f64, *count));
        for ((slot, mean), offset) in row.iter().zip(means).zip(offsets) {
            self.slots[*slot].y = mean + offset;
        }
    }
}
