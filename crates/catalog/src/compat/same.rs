//! When two definitions of one name are the same, so that the second one is allowed.

use super::build::{Builder, Link};
use super::schema::{Field, Id, Node};

impl Builder {
    /// Java's `Schema.equals`: names, parts, defaults of fields, orders and properties count; docs, aliases and an enum's
    /// default do not. What refers to a type that is not read to its end equals nothing.
    ///
    /// As deep as the second definition is nested, which is bounded: its references lead to nodes of the first.
    pub(super) fn same(&self, a: Id, b: Id) -> bool {
        if a == b {
            return true;
        }
        self.props[a] == self.props[b]
            && match (&self.nodes[a], &self.nodes[b]) {
                (Node::Primitive(a), Node::Primitive(b)) => a == b,
                (Node::Enum(a), Node::Enum(b)) => a.name.full == b.name.full && a.symbols == b.symbols,
                (Node::Fixed(a), Node::Fixed(b)) => a.name.full == b.name.full && a.size == b.size,
                (Node::Array(a), Node::Array(b)) | (Node::Map(a), Node::Map(b)) => self.same_link(a, b),
                (Node::Union(a), Node::Union(b)) => {
                    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| self.same_link(a, b))
                }
                (Node::Record(a), Node::Record(b)) => {
                    a.name.full == b.name.full
                        && a.fields.len() == b.fields.len()
                        && a.fields.iter().zip(&b.fields).all(|(a, b)| self.same_field(a, b))
                }
                _ => false,
            }
    }

    fn same_field(&self, a: &Field<Link>, b: &Field<Link>) -> bool {
        a.name == b.name && a.default == b.default && a.rest == b.rest && self.same_link(&a.ty, &b.ty)
    }

    fn same_link(&self, a: &Link, b: &Link) -> bool {
        matches!((a, b), (Link::Node(a), Link::Node(b)) if self.same(*a, *b))
    }
}
