//! How single fields are read and written where serde's own way would copy, or would forgive too much.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// An option that must be there: without `deserialize_with`, serde takes a missing field for `None`.
pub fn optional<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}

/// A string that borrows; serde's `Cow` does so only as a field of its own.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Str<'a>(#[serde(borrow)] Cow<'a, str>);

/// An optional string that borrows.
pub fn optional_str<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Cow<'a, str>>, D::Error> {
    Ok(Option::<Str<'a>>::deserialize(deserializer)?.map(|text| text.0))
}

/// Strings that borrow.
pub fn strs<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Cow<'a, str>>, D::Error> {
    Ok(Vec::<Str<'a>>::deserialize(deserializer)?.into_iter().map(|text| text.0).collect())
}

/// An enum symbol.
pub fn symbol<'de, D: Deserializer<'de>, T>(deserializer: D, read: fn(&str) -> T) -> Result<T, D::Error> {
    struct Symbol<T>(fn(&str) -> T, PhantomData<T>);
    impl<T> Visitor<'_> for Symbol<T> {
        type Value = T;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an enum symbol")
        }
        fn visit_str<E: Error>(self, symbol: &str) -> Result<T, E> {
            Ok((self.0)(symbol))
        }
    }
    deserializer.deserialize_str(Symbol(read, PhantomData))
}

/// fixed 16 with logicalType uuid as an id.
pub mod uuid {
    use std::fmt;

    use flow::Id;
    use serde::de::{Deserializer, Error, Visitor};
    use serde::ser::Serializer;

    struct Bytes;
    impl Visitor<'_> for Bytes {
        type Value = Id;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("16 bytes")
        }
        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Id, E> {
            bytes.try_into().map(Id).map_err(|_| E::invalid_length(bytes.len(), &self))
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Id, D::Error> {
        deserializer.deserialize_bytes(Bytes)
    }

    pub fn serialize<S: Serializer>(id: &Id, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&id.0)
    }
}
