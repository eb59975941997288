//! Bytes to records and back: what the generated implementations of `flow::Codec` have in common.

use std::borrow::Cow;
use std::io::BufRead;
use std::sync::{LazyLock, OnceLock};

use flow::{CodecError, Decoded, Encoded, Id, Meta, Topology};
use serde::{Deserialize, Serialize};
use serde_avro_fast::Schema;
use serde_avro_fast::de::read::SliceRead;
use serde_avro_fast::de::{DeserializerConfig, DeserializerState};
use serde_avro_fast::ser::SerializerConfig;

use crate::canonical::content;
pub use crate::canonical::{Canonical, Hasher};
pub use crate::serde_with::*;
pub use crate::split::Split;
pub use crate::stored::{Stored, get, scan, store};
use crate::{RELEASED, Released};

/// Nesting beyond this is refused. Our own schemas nest four deep.
const DEPTH_MAX: usize = 32;

/// A record that travels.
pub trait Record<'a>: Serialize + Canonical {
    /// Its current schema, as an index of [`RELEASED`].
    const RELEASED: usize;

    /// The field that topics.yaml names as key.
    fn key(&self) -> &Cow<'a, str>;
}

/// The key as plain text.
pub fn key<'o, 'a: 'o>(record: &'o impl Record<'a>) -> &'o str {
    record.key()
}

#[derive(Deserialize)]
struct MetaIn {
    #[serde(with = "uuid")]
    event_id: Id,
    #[serde(with = "uuid")]
    ticket_id: Id,
    #[serde(with = "uuid")]
    cause: Id,
    occurred_at: i64,
}

#[derive(Serialize)]
struct MetaOut {
    #[serde(with = "uuid")]
    event_id: Id,
    #[serde(with = "uuid")]
    ticket_id: Id,
    #[serde(with = "uuid")]
    cause: Id,
    occurred_at: i64,
    schema_version: &'static str,
}

/// Reads meta and body; `wrap` makes the processor's input of it, `identity` what dedup knows it by.
pub fn decode<'a, P, T>(
    schema: &Split,
    bytes: &'a [u8],
    wrap: fn(T) -> P::In<'a>,
    identity: fn(&T) -> Result<Option<String>, String>,
) -> Result<Decoded<'a, P>, CodecError>
where
    P: flow::Processor,
    T: Record<'a> + Deserialize<'a>,
{
    let name = RELEASED[T::RELEASED].record;
    let error = |what: String| CodecError(format!("record \"{name}\": {what}"));
    let (meta, rest) = datum::<MetaIn>(&schema.meta, bytes).map_err(|what| error(format!("meta: {what}")))?;
    let (body, rest) = datum::<T>(&schema.body, rest).map_err(error)?;
    if !rest.is_empty() {
        return Err(error(format!("{} of {} bytes are left over", rest.len(), bytes.len())));
    }
    Ok(Decoded {
        meta: Meta {
            event_id: meta.event_id,
            ticket_id: meta.ticket_id,
            cause: meta.cause,
            occurred_at: meta.occurred_at,
        },
        key: body.key().clone(),
        identity: identity(&body).map_err(error)?,
        content: content(name, &body),
        input: wrap(body),
    })
}

/// Reads one datum from the front of a slice and returns what follows it.
///
/// Hostile bytes cannot claim memory: strings borrow, arrays grow by items that were read, and no more items are read
/// than there are bytes, so that items of no size end too.
pub(crate) fn datum<'a, T: Deserialize<'a>>(schema: &Schema, bytes: &'a [u8]) -> Result<(T, &'a [u8]), String> {
    let mut config = DeserializerConfig::new(schema);
    config.max_seq_size = bytes.len();
    config.allowed_depth = DEPTH_MAX;
    let mut state = DeserializerState::with_config(SliceRead::new(bytes), config);
    let value = T::deserialize(state.deserializer()).map_err(|error| error.to_string())?;
    let left = state.into_reader().fill_buf().map_err(|error| error.to_string())?.len();
    Ok((value, &bytes[bytes.len() - left..]))
}

/// The fields of `dedup.by`, joined by NUL; a NUL inside one would make two identities look the same.
pub fn identity(fields: &[&Cow<'_, str>]) -> Result<Option<String>, String> {
    if fields.iter().any(|field| field.contains('\0')) {
        return Err("a NUL in a field that identifies it".to_owned());
    }
    let fields: Vec<&str> = fields.iter().map(|field| &***field).collect();
    Ok(Some(fields.join("\0")))
}

/// The error for a record that topics.yaml does not list for the input.
pub fn unexpected(topology: &Topology, input: usize, record: &str) -> CodecError {
    match topology.inputs.get(input) {
        Some(input) => CodecError(format!("record \"{record}\" is not listed for topic \"{}\"", input.topic)),
        None => CodecError(format!("processor \"{}\" has no input number {input}", topology.name)),
    }
}

/// Appends meta and body; on an error the buffer is as it was.
pub fn encode<'a, T: Record<'a>>(record: &T, meta: &Meta, buffer: &mut Vec<u8>) -> Result<Encoded, CodecError> {
    let released = &RELEASED[T::RELEASED];
    let split = writer(T::RELEASED)?;
    let meta = MetaOut {
        event_id: meta.event_id,
        ticket_id: meta.ticket_id,
        cause: meta.cause,
        occurred_at: meta.occurred_at,
        schema_version: released.version,
    };
    let length = buffer.len();
    let written = write(&split.meta, &meta, buffer).and_then(|()| write(&split.body, record, buffer));
    written.map_err(|error| {
        buffer.truncate(length);
        CodecError(format!("record \"{}\": {error}", released.record))
    })?;
    Ok(Encoded {
        record: released.record,
        version: released.version,
        fingerprint: released.fingerprint,
        content: content(released.record, record),
    })
}

/// Appends one datum. The configuration is cheap to make: its buffers are used only for fields out of order.
pub(crate) fn write(schema: &Schema, value: &impl Serialize, buffer: &mut Vec<u8>) -> Result<(), String> {
    let mut config = SerializerConfig::new(schema);
    serde_avro_fast::to_datum(value, buffer, &mut config).map(|_| ()).map_err(|error| error.to_string())
}

/// A current schema, parsed once.
fn writer(index: usize) -> Result<&'static Split, CodecError> {
    static WRITERS: LazyLock<Vec<OnceLock<Result<Split, CodecError>>>> =
        LazyLock::new(|| RELEASED.iter().map(|_| OnceLock::new()).collect());
    let Released { text, .. } = RELEASED[index];
    WRITERS[index].get_or_init(|| Split::parse(text)).as_ref().map_err(CodecError::clone)
}
