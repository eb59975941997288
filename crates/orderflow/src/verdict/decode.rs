//! Records without the processors' types: each is read by the schema that its id names, with another Avro library.

use std::collections::BTreeMap;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use engine::core::headers;
use engine::shell::client::Message;
use flow::Id;

/// A record as it says itself.
#[derive(Debug)]
pub struct Decoded {
    /// Short name.
    pub record: String,
    pub event_id: Id,
    pub ticket_id: Id,
    pub cause: Id,
    fields: Vec<(String, Value)>,
}

/// Writer schemas by id.
pub struct Decoder {
    lookup: Box<dyn Fn(u32) -> Option<String> + Send>,
    /// Readers are kept, as making one resolves every name of its schema; it borrows the schema, which is therefore leaked:
    /// a few dozen in the life of a process.
    readers: BTreeMap<u32, (&'static str, GenericDatumReader<'static>)>,
}

impl Decoder {
    /// `lookup` gives the JSON of a schema id, or nothing when there is no such id.
    pub fn new(lookup: impl Fn(u32) -> Option<String> + Send + 'static) -> Decoder {
        Decoder { lookup: Box::new(lookup), readers: BTreeMap::new() }
    }

    /// Reads a value; says why it cannot be read.
    pub fn decode(&mut self, value: Option<&[u8]>) -> Result<Decoded, String> {
        let value = value.ok_or("there is no value")?;
        let Some(([0, id @ ..], mut body)) = value.split_first_chunk::<5>() else {
            return Err(format!("{} bytes without framing", value.len()));
        };
        let (name, reader) = self.reader(u32::from_be_bytes(*id))?;
        let name = (*name).to_owned();
        let value = reader.read_value(&mut body).map_err(|error| format!("{name}: {error}"))?;
        if !body.is_empty() {
            return Err(format!("{name}: {} bytes are left over", body.len()));
        }
        let Value::Record(fields) = value else { return Err(format!("{name}: not a record")) };
        let mut decoded = Decoded { record: name, event_id: Id::NIL, ticket_id: Id::NIL, cause: Id::NIL, fields };
        (decoded.event_id, decoded.ticket_id, decoded.cause) = decoded.meta()?;
        Ok(decoded)
    }

    fn reader(&mut self, id: u32) -> Result<&(&'static str, GenericDatumReader<'static>), String> {
        if !self.readers.contains_key(&id) {
            let text = (self.lookup)(id).ok_or_else(|| format!("schema id {id} is unknown"))?;
            let bad = |error: apache_avro::Error| format!("schema id {id}: {error}");
            let schema: &'static Schema = Box::leak(Box::new(Schema::parse_str(&text).map_err(bad)?));
            let Schema::Record(record) = schema else { return Err("its schema is not a record's".to_owned()) };
            let reader = GenericDatumReader::builder(schema).build().map_err(bad)?;
            self.readers.insert(id, (record.name.name(), reader));
        }
        self.readers.get(&id).ok_or_else(|| format!("schema id {id} is unknown"))
    }
}

fn field<'v>(fields: &'v [(String, Value)], name: &str) -> Result<&'v Value, String> {
    let found = fields.iter().find(|(field, _)| field == name);
    found.map(|(_, value)| value).ok_or_else(|| format!("there is no field {name}"))
}

fn text<'v>(fields: &'v [(String, Value)], name: &str) -> Result<&'v str, String> {
    match field(fields, name)? {
        Value::String(text) | Value::Enum(_, text) => Ok(text),
        other => Err(format!("field {name} is {other:?}, not text")),
    }
}

fn long(fields: &[(String, Value)], name: &str) -> Result<i64, String> {
    match field(fields, name)? {
        Value::Long(number) | Value::TimestampMillis(number) => Ok(*number),
        Value::Int(number) => Ok(i64::from(*number)),
        other => Err(format!("field {name} is {other:?}, not a number")),
    }
}

fn uuid(fields: &[(String, Value)], name: &str) -> Result<Id, String> {
    match field(fields, name)? {
        Value::Uuid(id) => Ok(Id(*id.as_bytes())),
        other => Err(format!("field {name} is {other:?}, not a UUID")),
    }
}

impl Decoded {
    /// A text or the symbol of an enum.
    pub fn text(&self, name: &str) -> Result<&str, String> {
        text(&self.fields, name)
    }

    /// An int, a long or a time.
    pub fn long(&self, name: &str) -> Result<i64, String> {
        long(&self.fields, name)
    }

    /// The order that the record names; it is also its ticket.
    pub fn order_id(&self) -> Result<Id, String> {
        let text = self.text("order_id")?;
        Id::parse(text).ok_or_else(|| format!("order_id \"{text}\" is not a UUID"))
    }

    /// (line_no, item_id, quantity) of each line.
    pub fn lines(&self) -> Result<Vec<(i64, &str, i64)>, String> {
        let Value::Array(lines) = field(&self.fields, "lines")? else {
            return Err("field lines is not an array".to_owned());
        };
        let mut found = Vec::with_capacity(lines.len());
        for line in lines {
            let Value::Record(fields) = line else { return Err(format!("a line is {line:?}")) };
            found.push((long(fields, "line_no")?, text(fields, "item_id")?, long(fields, "quantity")?));
        }
        Ok(found)
    }

    fn meta(&self) -> Result<(Id, Id, Id), String> {
        let Value::Record(meta) = field(&self.fields, "meta")? else { return Err("meta is not a record".to_owned()) };
        Ok((uuid(meta, "event_id")?, uuid(meta, "ticket_id")?, uuid(meta, "cause")?))
    }

    /// What the message says beside its value, where it differs from the value.
    pub fn disagreement(&self, message: &Message, key: &str) -> Option<String> {
        if message.key.as_deref() != Some(self.text(key).unwrap_or_default().as_bytes()) {
            let found = message.key.as_deref().map(String::from_utf8_lossy);
            return Some(format!("its key is {found:?}, its {key} {:?}", self.text(key)));
        }
        let ids =
            [(headers::EVENT_ID, self.event_id), (headers::TICKET_ID, self.ticket_id), (headers::CAUSE, self.cause)];
        for (name, id) in ids {
            if Id::parse(message.header(name)) != Some(id) {
                return Some(format!("header {name} is \"{}\", the record says {id}", message.header(name)));
            }
        }
        if message.header(headers::RECORD) != self.record {
            return Some(format!("header record is \"{}\"", message.header(headers::RECORD)));
        }
        let none = self.event_id == Id::NIL || self.cause == Id::NIL;
        none.then(|| format!("event_id {}, cause {}", self.event_id, self.cause))
    }
}
