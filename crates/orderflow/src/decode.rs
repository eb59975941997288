//! Records for people: decoded generically, by the writer's schema, without the processors' types.

use std::collections::HashMap;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use engine::shell::client::Message;

/// Schemas by id, parsed when first met.
pub struct Decoder {
    texts: HashMap<u32, &'static contract::Released>,
    readers: HashMap<u32, GenericDatumReader<'static>>,
}

/// A decoded record.
#[derive(Debug, Clone)]
pub struct Decoded {
    pub record: &'static str,
    pub version: &'static str,
    pub fields: Vec<(String, Value)>,
}

impl Decoded {
    /// A field as text; empty when there is none.
    pub fn text(&self, field: &str) -> String {
        self.fields.iter().find(|(name, _)| name == field).map(|(_, value)| render(value)).unwrap_or_default()
    }

    /// Every field but meta, as `name=value`.
    pub fn line(&self) -> String {
        let fields = self.fields.iter().filter(|(name, _)| name != "meta");
        fields.map(|(name, value)| format!("{name}={}", render(value))).collect::<Vec<_>>().join(" ")
    }
}

impl Decoder {
    /// A decoder for these ids.
    pub fn new(ids: &crate::ids::Ids) -> Decoder {
        let texts =
            crate::ids::wire().filter_map(|released| Some((ids.get(released.fingerprint)?, released))).collect();
        Decoder { texts, readers: HashMap::new() }
    }

    /// Decodes a record; the error says why not.
    pub fn decode(&mut self, message: &Message) -> Result<Decoded, String> {
        let value = message.value.as_deref().ok_or("no value")?;
        let Some(([0, id @ ..], mut body)) = value.split_first_chunk::<5>() else {
            return Err("no Confluent framing".into());
        };
        let id = u32::from_be_bytes(*id);
        let released = self.texts.get(&id).ok_or_else(|| format!("schema id {id} is not known to this build"))?;
        let reader = match self.readers.entry(id) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(datum_reader(released.text).map_err(|error| error.to_string())?)
            }
        };
        match reader.read_value(&mut body).map_err(|error| error.to_string())? {
            Value::Record(fields) => Ok(Decoded { record: released.record, version: released.version, fields }),
            other => Err(format!("not a record: {other:?}")),
        }
    }
}

/// A reader of one schema. Making one resolves every name of the schema, so readers are kept; they borrow the schema, which
/// is therefore leaked: a few dozen in the life of a process.
pub fn datum_reader(text: &str) -> Result<GenericDatumReader<'static>, apache_avro::Error> {
    let schema: &'static Schema = Box::leak(Box::new(Schema::parse_str(text)?));
    GenericDatumReader::builder(schema).build()
}

/// A value as people write it.
pub fn render(value: &Value) -> String {
    match value {
        Value::Null => "-".into(),
        Value::String(text) | Value::Enum(_, text) => text.clone(),
        Value::Int(number) => number.to_string(),
        Value::Long(number) => number.to_string(),
        Value::Boolean(yes) => yes.to_string(),
        Value::TimestampMillis(ms) => time(*ms),
        Value::Union(_, inner) => render(inner),
        Value::Uuid(id) => id.to_string(),
        Value::Fixed(16, bytes) => flow::Id(bytes.clone().try_into().unwrap_or_default()).to_string(),
        Value::Array(items) => format!("[{}]", items.iter().map(render).collect::<Vec<_>>().join(", ")),
        Value::Record(fields) => {
            let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}:{}", render(value))).collect();
            format!("{{{}}}", fields.join(" "))
        }
        other => format!("{other:?}"),
    }
}

/// Milliseconds since 1970-01-01 UTC as RFC 3339.
pub fn time(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| format!("{ms} ms"), |at| at.to_string())
}
