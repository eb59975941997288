//! What a processor remembers, as bytes: an 8-byte little-endian fingerprint, then the Avro datum.

use std::sync::LazyLock;

use flow::{CodecError, StateRead};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_avro_fast::Schema;

use crate::RELEASED;
use crate::codec::{datum, write};

/// A record of state.
pub trait Stored: Serialize + DeserializeOwned {
    /// Its current schema, as an index of [`RELEASED`].
    const RELEASED: usize;
}

/// Schemas of state by index of [`RELEASED`]; `None` for records on topics.
static SCHEMAS: LazyLock<Vec<Option<Result<Schema, String>>>> = LazyLock::new(|| {
    let parse = |text: &str| text.parse::<Schema>().map_err(|error| error.to_string());
    RELEASED.iter().map(|released| released.state.then(|| parse(released.text))).collect()
});

fn schema(index: usize) -> Result<&'static Schema, String> {
    match &SCHEMAS[index] {
        Some(Ok(schema)) => Ok(schema),
        Some(Err(error)) => Err(error.clone()),
        None => Err(format!("record \"{}\" is not state", RELEASED[index].record)),
    }
}

/// The bytes to keep.
pub fn store<T: Stored>(value: &T) -> Result<Vec<u8>, CodecError> {
    let released = &RELEASED[T::RELEASED];
    let mut bytes = released.fingerprint.to_le_bytes().to_vec();
    let written = schema(T::RELEASED).and_then(|schema| write(schema, value, &mut bytes));
    written.map_err(|error| CodecError(format!("state \"{}\": {error}", released.record)))?;
    Ok(bytes)
}

/// The value of kept bytes, whatever released version wrote them.
pub fn load<T: Stored>(bytes: &[u8]) -> Result<T, String> {
    let record = RELEASED[T::RELEASED].record;
    let Some((fingerprint, rest)) = bytes.split_first_chunk::<8>() else {
        return Err(format!("state \"{record}\": {} bytes are too few", bytes.len()));
    };
    let fingerprint = u64::from_le_bytes(*fingerprint);
    let known = |index: &usize| {
        let released = &RELEASED[*index];
        released.state && released.record == record && released.fingerprint == fingerprint
    };
    // The current version first: nearly every value was written with it.
    let index = [T::RELEASED].into_iter().chain(0..RELEASED.len()).find(known);
    let index =
        index.ok_or_else(|| format!("state \"{record}\": no released schema has fingerprint {fingerprint:016x}"))?;
    let error = |what: String| format!("state \"{record}\" {}: {what}", RELEASED[index].version);
    let (value, rest) = datum(schema(index).map_err(error)?, rest).map_err(error)?;
    if rest.is_empty() { Ok(value) } else { Err(error(format!("{} bytes are left over", rest.len()))) }
}

/// Reads a value; bytes that do not decode are reported and read as nothing.
pub fn get<T: Stored>(read: &dyn StateRead, table: u8, sub: &str) -> Option<T> {
    let bytes = read.get(table, sub.as_bytes())?;
    match load(&bytes) {
        Ok(value) => Some(value),
        Err(why) => {
            read.unreadable(table, &why);
            None
        }
    }
}

/// Reads at most `limit` entries from a subkey on; those that do not decode are reported and left out.
pub fn scan<T: Stored>(read: &dyn StateRead, table: u8, from: &str, limit: usize) -> Vec<(String, T)> {
    let entries = read.scan(table, from.as_bytes(), limit).into_iter();
    let decoded = entries.map(|(sub, bytes)| {
        let sub = String::from_utf8(sub).map_err(|error| format!("subkey: {error}"))?;
        Ok((sub, load(&bytes)?))
    });
    decoded.filter_map(|entry: Result<_, String>| entry.map_err(|why| read.unreadable(table, &why)).ok()).collect()
}
