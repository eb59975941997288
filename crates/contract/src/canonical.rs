//! The content hash: what a record says, whatever its meta, its field order, its number widths and its defaults.
//!
//! A record is the sequence of its fields by name: the name, then the value; a field at its declared default is left
//! out, and an empty name ends the record. Values: text is its length and its bytes, an enum the text of its symbol,
//! int and long are 8 bytes, float and double the 8 bytes of a double, a boolean 1 byte, a uuid 16, an option is a
//! tag byte and the value, an array its count and the items. Lengths and counts are 4 bytes; numbers are
//! little-endian. The hash is XXH3-64 of the record's short name as text and that sequence.

use std::borrow::Cow;
use std::cell::RefCell;

use xxhash_rust::xxh3::xxh3_64;

thread_local! {
    static BYTES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Collects canonical bytes.
pub struct Hasher<'b> {
    bytes: &'b mut Vec<u8>,
}

impl Hasher<'_> {
    /// A field of a record.
    pub fn field(&mut self, name: &str, value: &(impl Canonical + ?Sized)) {
        self.text(name);
        value.canonical(self);
    }

    /// The end of a record.
    pub fn end(&mut self) {
        self.count(0);
    }

    /// Length and bytes.
    pub fn text(&mut self, text: &str) {
        self.count(text.len());
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn count(&mut self, count: usize) {
        // Bounded by the size limit of a record.
        self.bytes.extend_from_slice(&(count as u32).to_le_bytes());
    }
}

/// A value with one canonical form.
pub trait Canonical {
    fn canonical(&self, hasher: &mut Hasher<'_>);
}

/// The content hash of a record.
pub fn content(record: &str, body: &impl Canonical) -> u64 {
    BYTES.with_borrow_mut(|bytes| {
        bytes.clear();
        let mut hasher = Hasher { bytes };
        hasher.text(record);
        body.canonical(&mut hasher);
        xxh3_64(bytes)
    })
}

impl Canonical for bool {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.bytes.push(u8::from(*self));
    }
}

impl Canonical for i32 {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        i64::from(*self).canonical(hasher);
    }
}

impl Canonical for i64 {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.bytes.extend_from_slice(&self.to_le_bytes());
    }
}

impl Canonical for f32 {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        f64::from(*self).canonical(hasher);
    }
}

impl Canonical for f64 {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.bytes.extend_from_slice(&self.to_le_bytes());
    }
}

impl Canonical for Cow<'_, str> {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.text(self);
    }
}

impl Canonical for flow::Id {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.bytes.extend_from_slice(&self.0);
    }
}

impl<T: Canonical> Canonical for Option<T> {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.bytes.push(u8::from(self.is_some()));
        if let Some(value) = self {
            value.canonical(hasher);
        }
    }
}

impl<T: Canonical> Canonical for Vec<T> {
    fn canonical(&self, hasher: &mut Hasher<'_>) {
        hasher.count(self.len());
        for item in self {
            item.canonical(hasher);
        }
    }
}
