//! The contract's codec as far as generated structs need it, so that they compile in these tests.

use std::marker::PhantomData;

#[path = "../../../contract/src/serde_with.rs"]
mod serde_with;

pub use serde_with::*;

/// As the contract's; nothing is hashed here.
#[allow(dead_code)]
pub trait Canonical {
    fn canonical(&self, hasher: &mut Hasher<'_>);
}

pub struct Hasher<'h>(PhantomData<&'h ()>);

impl Hasher<'_> {
    pub fn field<T: ?Sized>(&mut self, _name: &str, _value: &T) {}

    pub fn text(&mut self, _text: &str) {}

    pub fn end(&mut self) {}
}
