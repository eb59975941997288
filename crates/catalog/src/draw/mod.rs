//! The topology as a picture: Mermaid for places that render it, SVG for all others.

mod graph;
mod layout;
mod mermaid;
mod svg;

pub use mermaid::mermaid;
pub use svg::svg;
