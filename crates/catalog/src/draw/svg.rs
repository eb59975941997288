//! The topology as one SVG without fonts, scripts or links of its own. Boxes have a fill of their own and lines a middle
//! grey, so that it reads on a light and on a dark page; shapes, dashes and words say what colours would.

use crate::Catalog;
use crate::draw::Notes;
use crate::draw::graph::{Edge, Graph, Node, graph};
use crate::draw::layout::{Layout, layout};

const MARGIN: f64 = 24.0;
const LAYER_GAP: f64 = 70.0;
/// A lane for a line that leads back.
const LANE: f64 = 30.0;
const LEGEND: f64 = 54.0;
const STYLE: &str = "\
text{font-family:system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;fill:#1f2328;text-anchor:middle}\
.name{font-size:15px;font-weight:600}.note{font-size:12px;fill:#4d5560}\
.topic,.processor{fill:#fff;stroke:#57606a;stroke-width:1.5}.processor{fill:#e8eef6;stroke:#1f3a5f;stroke-width:2.5}\
.edge{fill:none;stroke:#808a95;stroke-width:1.8}.reply{stroke-dasharray:6 5}.head{fill:#808a95}";

/// Everything in pixels.
struct Picture<'g> {
    graph: &'g Graph,
    layout: Layout,
    width: f64,
    top: f64,
    bottom: f64,
}

/// The picture as text; `origin` is its first line, as a comment.
pub fn svg(catalog: &Catalog, origin: &str, more: &Notes) -> String {
    let graph = graph(catalog, more);
    let heights: Vec<f64> = graph.nodes.iter().map(|node| 38.0 + 17.0 * node.notes.len() as f64).collect();
    let width = graph.nodes.iter().map(text_width).fold(0.0, f64::max) + 36.0;
    let layout = layout(&graph, &heights);
    let top = layout.slots.iter().map(|slot| slot.y - slot.height / 2.0).fold(f64::MAX, f64::min);
    let bottom = layout.slots.iter().map(|slot| slot.y + slot.height / 2.0).fold(f64::MIN, f64::max);
    Picture { graph: &graph, layout, width, top, bottom }.draw(origin)
}

/// Estimated: fonts differ, and the margin is generous.
fn text_width(node: &Node) -> f64 {
    let notes = node.notes.iter().map(|note| note.chars().count() as f64 * 6.4);
    notes.fold(node.name.chars().count() as f64 * 8.4, f64::max)
}

impl Picture<'_> {
    fn x(&self, layer: usize) -> f64 {
        MARGIN + layer as f64 * (self.width + LAYER_GAP)
    }

    fn y(&self, node: usize) -> f64 {
        MARGIN + self.layout.of(node).y - self.top
    }

    fn draw(&self, origin: &str) -> String {
        // Two hyphens would end the comment.
        let origin = origin.replace("--", "-");
        let backs: Vec<&Edge> = self.graph.edges.iter().filter(|edge| edge.back).collect();
        let floor = MARGIN + self.bottom - self.top;
        let width = self.x(self.layout.layers) - LAYER_GAP + MARGIN;
        let height = floor + LANE * backs.len() as f64 + LEGEND + MARGIN;
        let mut out = format!(
            "<!-- {origin} -->\n\
             <svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
             height=\"{height:.0}\" role=\"img\" aria-label=\"Topology of the order flow\">\n<style>{STYLE}</style>\n\
             <defs><marker id=\"head\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"8\" markerHeight=\"8\" \
             orient=\"auto\"><path class=\"head\" d=\"M0 1L10 5L0 9Z\"/></marker></defs>\n"
        );
        for (at, path) in &self.layout.paths {
            out.push_str(&self.forward(&self.graph.edges[*at], path));
        }
        for (lane, edge) in backs.iter().enumerate() {
            out.push_str(&self.backward(edge, floor + LANE * (lane as f64 + 0.8), lane as f64));
        }
        for (at, node) in self.graph.nodes.iter().enumerate() {
            out.push_str(&self.node(at, node));
        }
        out + &self.legend(height - MARGIN - 15.0) + "</svg>\n"
    }

    /// Where the arrows on one side of a node begin or end, so that they do not touch each other.
    fn port(&self, edge: &Edge, out: bool) -> f64 {
        let node = if out { edge.from } else { edge.to };
        let ends = |other: &&Edge| if out { other.from == node } else { other.to == node };
        let mut same: Vec<&Edge> = self.graph.edges.iter().filter(ends).collect();
        same.sort_by(|one, other| self.next(one, out).total_cmp(&self.next(other, out)));
        let at = same.iter().position(|other| std::ptr::eq(*other, edge)).unwrap_or_default();
        self.y(node) + (at as f64 - (same.len() as f64 - 1.0) / 2.0) * 13.0
    }

    /// The height at which a line passes the next layer; lines that lead back go below all others.
    fn next(&self, edge: &Edge, out: bool) -> f64 {
        let path = self.layout.paths.iter().find(|(at, _)| std::ptr::eq(&self.graph.edges[*at], edge));
        path.map_or(f64::MAX, |(_, path)| self.layout.slots[if out { path[1] } else { path[path.len() - 2] }].y)
    }

    fn forward(&self, edge: &Edge, path: &[usize]) -> String {
        let mut y = self.port(edge, true);
        let mut x = self.x(self.layout.slots[path[0]].layer) + self.width;
        let mut line = format!("M{x:.0} {y:.0}");
        for (at, slot) in path.iter().enumerate().skip(1) {
            let slot = &self.layout.slots[*slot];
            let to = self.x(slot.layer);
            let last = at + 1 == path.len();
            let next = if last { self.port(edge, false) } else { MARGIN + slot.y - self.top };
            let middle = (x + to) / 2.0;
            line.push_str(&format!("C{middle:.0} {y:.0} {middle:.0} {next:.0} {to:.0} {next:.0}"));
            (x, y) = (to, next);
            if !last {
                x += self.width;
                line.push_str(&format!("H{x:.0}"));
            }
        }
        edge_line(edge, &line)
    }

    fn backward(&self, edge: &Edge, lane_y: f64, lane: f64) -> String {
        let (from_y, to_y) = (self.port(edge, true), self.port(edge, false));
        let (from_x, to_x) =
            (self.x(self.layout.of(edge.from).layer) + self.width, self.x(self.layout.of(edge.to).layer));
        let (out_x, in_x) = (from_x + 22.0 + 8.0 * lane, to_x - 26.0 - 8.0 * lane);
        edge_line(
            edge,
            &format!(
                "M{from_x:.0} {from_y:.0}H{:.0}Q{out_x:.0} {from_y:.0} {out_x:.0} {:.0}V{:.0}Q{out_x:.0} {lane_y:.0} {:.0} \
                 {lane_y:.0}H{:.0}Q{in_x:.0} {lane_y:.0} {in_x:.0} {:.0}V{:.0}Q{in_x:.0} {to_y:.0} {:.0} {to_y:.0}H{to_x:.0}",
                out_x - 10.0,
                from_y + 10.0,
                lane_y - 10.0,
                out_x - 10.0,
                in_x + 10.0,
                lane_y - 10.0,
                to_y + 10.0,
                in_x + 10.0
            ),
        )
    }

    fn node(&self, at: usize, node: &Node) -> String {
        let slot = self.layout.of(at);
        let (x, y) = (self.x(slot.layer), self.y(at) - slot.height / 2.0);
        let (class, radius) = if node.processor { ("processor", 2.0) } else { ("topic", 26.0) };
        let mut out = format!(
            "<g><title>{}</title><rect class=\"{class}\" x=\"{x:.0}\" y=\"{y:.0}\" width=\"{:.0}\" height=\"{:.0}\" \
             rx=\"{radius:.0}\"/><text class=\"name\" x=\"{:.0}\" y=\"{:.0}\">{}</text>",
            escaped(&node.about),
            self.width,
            slot.height,
            x + self.width / 2.0,
            y + 24.0,
            escaped(&node.name)
        );
        for (line, note) in node.notes.iter().enumerate() {
            let (x, y) = (x + self.width / 2.0, y + 42.0 + 17.0 * line as f64);
            out.push_str(&format!("<text class=\"note\" x=\"{x:.0}\" y=\"{y:.0}\">{}</text>", escaped(note)));
        }
        out + "</g>\n"
    }

    fn legend(&self, y: f64) -> String {
        let mut out = String::from("<g>");
        let items = [("processor", 2, "processor"), ("topic", 13, "topic")];
        for (at, (class, radius, text)) in items.iter().enumerate() {
            let x = MARGIN + 112.0 * at as f64;
            out.push_str(&format!(
                "<rect class=\"{class}\" x=\"{x:.0}\" y=\"{:.0}\" width=\"100\" height=\"26\" rx=\"{radius}\"/>\
                 <text class=\"note\" x=\"{:.0}\" y=\"{:.0}\">{text}</text>",
                y - 13.0,
                x + 50.0,
                y + 4.0
            ));
        }
        for (at, (class, text)) in [("edge", "reads, writes"), ("edge reply", "replies")].iter().enumerate() {
            let x = MARGIN + 240.0 + 170.0 * at as f64;
            out.push_str(&format!(
                "<path class=\"{class}\" marker-end=\"url(#head)\" d=\"M{x:.0} {y:.0}H{:.0}\"/>\
                 <rect class=\"topic\" style=\"stroke:none\" x=\"{:.0}\" y=\"{:.0}\" width=\"96\" height=\"22\" rx=\"2\"/>\
                 <text class=\"note\" x=\"{:.0}\" y=\"{:.0}\">{text}</text>",
                x + 48.0,
                x + 54.0,
                y - 11.0,
                x + 102.0,
                y + 4.0
            ));
        }
        out + "</g>\n"
    }
}

fn edge_line(edge: &Edge, line: &str) -> String {
    let class = if edge.reply { "edge reply" } else { "edge" };
    format!("<path class=\"{class}\" marker-end=\"url(#head)\" d=\"{line}\"/>\n")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
