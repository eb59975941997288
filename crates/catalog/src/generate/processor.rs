//! One processor as a Rust module: its enums, its state, and the implementations of `flow::Processor` and `flow::Codec`.

use crate::catalog::{Processor, Topic};
use crate::generate::name::{camel, quoted, snake, tombstone};
use crate::{Catalog, DuplicatesDecl};

/// The module's text.
pub fn module(catalog: &Catalog, processor: &Processor) -> String {
    let it = View::new(catalog, processor);
    let body = [it.marker(), it.inputs(), it.enumeration("Out", &it.outs), it.enumeration("Reply", &it.replies)]
        .concat()
        + &[it.change(), it.wake(), it.state(), it.processor(), it.codec(), it.topology()].concat();
    let mut records: Vec<&str> = it.ins.iter().chain(&it.outs).map(|(_, record)| record.as_str()).collect();
    records.extend(it.replies.iter().map(|(_, record)| record.as_str()));
    records.sort_unstable();
    records.dedup();
    let records = match records[..] {
        [record] => record.to_owned(),
        _ => format!("{{{}}}", records.join(", ")),
    };
    let modules = if processor.state.is_some() { "{codec, state}" } else { "codec" };
    let read = if processor.state.is_some() { ", StateRead" } else { "" };
    format!(
        "//! Processor `{}`: {}\n\nuse flow::{{CodecError, Decoded, Encoded, Meta{read}, Topology}};\n\n\
         use crate::{modules};\nuse crate::{records};\n\n{body}",
        processor.name, processor.about,
    )
}

/// A processor with what topics.yaml says about its topics.
struct View<'c> {
    catalog: &'c Catalog,
    processor: &'c Processor,
    name: String,
    inputs: Vec<&'c Topic>,
    outputs: Vec<&'c Topic>,
    /// Input number and record.
    ins: Vec<(usize, String)>,
    /// Output number and record.
    outs: Vec<(usize, String)>,
    /// Reply records; the number has no meaning.
    replies: Vec<(usize, String)>,
}

impl<'c> View<'c> {
    fn new(catalog: &'c Catalog, processor: &'c Processor) -> Self {
        let topics =
            |names: &[String]| -> Vec<&'c Topic> { names.iter().filter_map(|name| catalog.topic(name)).collect() };
        let (inputs, outputs) = (topics(&processor.inputs), topics(&processor.outputs));
        let records = |topics: &[&Topic]| -> Vec<(usize, String)> {
            let pairs = topics.iter().enumerate();
            pairs.flat_map(|(at, topic)| topic.records.iter().map(move |record| (at, record.clone()))).collect()
        };
        View {
            catalog,
            processor,
            name: camel(&processor.name),
            ins: records(&inputs),
            outs: records(&outputs),
            replies: processor.replies.iter().map(|record| (0, record.clone())).collect(),
            inputs,
            outputs,
        }
    }

    fn marker(&self) -> String {
        let name = &self.name;
        format!(
            "/// {}\npub struct {name};\n\n\
             /// One input: key, meta, time and record.\npub type Event<'a> = flow::Event<'a, {name}>;\n\
             /// What is to happen because of one event.\npub type Effects<'a> = flow::Effects<'a, {name}>;\n\
             /// All effects of one event, or its rejection.\npub type Handled<'a> = flow::Handled<'a, {name}>;\n\n",
            self.processor.about
        )
    }

    fn inputs(&self) -> String {
        let mut out = String::from("/// What may come in.\n#[derive(Debug, Clone, PartialEq)]\npub enum In<'a> {\n");
        for (_, record) in &self.ins {
            out.push_str(&format!("    {record}({record}<'a>),\n"));
        }
        for topic in self.inputs.iter().filter(|topic| topic.compacted) {
            let doc = format!("    /// The key is no more on topic `{}`.\n", topic.name);
            out.push_str(&format!("{doc}    {},\n", tombstone(&topic.name)));
        }
        if !self.processor.wakes.is_empty() {
            out.push_str("    /// A timer that fired, with its subkey.\n    Wake(Wake, &'a str),\n");
        }
        out + "}\n\n"
    }

    /// An enum of records with `From` for each; an empty one has no lifetime.
    fn enumeration(&self, name: &str, records: &[(usize, String)]) -> String {
        let doc = if name == "Out" { "What may be sent to topics." } else { "What may be sent to reply topics." };
        if records.is_empty() {
            return format!("/// {doc} Nothing.\n#[derive(Debug, Clone, PartialEq)]\npub enum {name} {{}}\n\n");
        }
        let mut out = format!("/// {doc}\n#[derive(Debug, Clone, PartialEq)]\npub enum {name}<'a> {{\n");
        for (_, record) in records {
            out.push_str(&format!("    {record}({record}<'a>),\n"));
        }
        out.push_str("}\n\n");
        for (_, record) in records {
            out.push_str(&format!(
                "impl<'a> From<{record}<'a>> for {name}<'a> {{\n    fn from(record: {record}<'a>) -> Self {{\n        \
                 {name}::{record}(record)\n    }}\n}}\n\n"
            ));
        }
        out
    }

    /// Table name, its number and the name of its record; the key's own record first, with an empty name.
    fn tables(&self) -> Vec<(String, usize, String)> {
        let Some(state) = &self.processor.state else { return Vec::new() };
        let record = |full: &str| full.rsplit_once('.').map_or(full, |(_, name)| name).to_owned();
        let mut tables = vec![(String::new(), 0, record(&state.record))];
        tables.extend(state.tables.iter().enumerate().map(|(at, it)| (it.name.clone(), at + 1, record(&it.record))));
        tables
    }

    fn change(&self) -> String {
        let doc = "/// A change of the state below the event's key.\n#[derive(Debug, Clone, PartialEq)]\n";
        let mut out = format!("{doc}pub enum Change {{");
        for (table, _, record) in self.tables() {
            let name = camel(&table);
            let sub = if table.is_empty() { "" } else { "String, " };
            let delete = if table.is_empty() { "" } else { "(String)" };
            out.push_str(&format!("\n    Put{name}({sub}state::{record}),\n    Delete{name}{delete},"));
        }
        let end = if self.processor.state.is_some() { "\n}\n\n" } else { "}\n\n" };
        out + end
    }

    fn wake(&self) -> String {
        let mut out = String::from(
            "/// Timers. Their order in topics.yaml is their number in stores: append only.\n\
             #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]\npub enum Wake {",
        );
        for wake in &self.processor.wakes {
            out.push_str(&format!("\n    {},", camel(wake)));
        }
        out + if self.processor.wakes.is_empty() { "}\n\n" } else { "\n}\n\n" }
    }

    fn state(&self) -> String {
        let doc = "/// Typed reads of the state below the event's key.\n";
        if self.processor.state.is_none() {
            return format!("{doc}pub struct State<'s>(std::marker::PhantomData<&'s ()>);\n\n");
        }
        let mut out = format!("{doc}pub struct State<'s> {{\n    read: &'s dyn StateRead,\n}}\n\nimpl State<'_> {{\n");
        for (table, number, record) in self.tables() {
            let doc = self.doc_of(&record);
            if table.is_empty() {
                out.push_str(&format!(
                    "    /// {doc}\n    pub fn get(&self) -> Option<state::{record}> {{\n        \
                     codec::get(self.read, 0, \"\")\n    }}\n"
                ));
                continue;
            }
            out.push_str(&format!(
                "\n    /// {doc}\n    pub fn {table}(&self, sub: &str) -> Option<state::{record}> {{\n        \
                 codec::get(self.read, {number}, sub)\n    }}\n\n    \
                 /// At most `limit` entries in ascending order of subkey, from the first one at or after `from`.\n    \
                 pub fn {table}_scan(&self, from: &str, limit: usize) -> Vec<(String, state::{record})> {{\n        \
                 codec::scan(self.read, {number}, from, limit)\n    }}\n"
            ));
        }
        out + "}\n\n"
    }

    fn doc_of(&self, record: &str) -> String {
        let found = self.catalog.schemas.all().find(|it| it.is_state() && it.top && it.name == record);
        let doc = found.map(|it| it.doc.as_str()).filter(|doc| !doc.is_empty());
        doc.unwrap_or("What is remembered of the key.").to_owned()
    }

    fn processor(&self) -> String {
        let generic = |records: &[(usize, String)]| if records.is_empty() { "" } else { "<'a>" };
        format!(
            "impl flow::Processor for {} {{\n    const TOPOLOGY: &'static Topology = &TOPOLOGY;\n    \
             type In<'a> = In<'a>;\n    type Out<'a> = Out{};\n    type Reply<'a> = Reply{};\n    \
             type State<'s> = State<'s>;\n    type Change = Change;\n    type Wake = Wake;\n}}\n\n",
            self.name,
            generic(&self.outs),
            generic(&self.replies)
        )
    }

    fn codec(&self) -> String {
        let state = if self.processor.state.is_some() { "read: &dyn StateRead" } else { "_: &dyn flow::StateRead" };
        let make = if self.processor.state.is_some() { "State { read }" } else { "State(std::marker::PhantomData)" };
        format!(
            "impl flow::Codec for {} {{\n    type Schema = codec::Split;\n\n    \
             fn schema(text: &str) -> Result<codec::Split, CodecError> {{\n        codec::Split::parse(text)\n    }}\n\n\
             {}{}{}{}{}{}    fn state({state}) -> State<'_> {{\n        {make}\n    }}\n}}\n\n",
            self.name,
            self.decode(),
            self.tombstones(),
            self.wakes(),
            self.encode("route", "encode", "out", "Out", &self.outs),
            self.encode("route_reply", "encode_reply", "reply", "Reply", &self.replies),
            self.changes(),
        )
    }

    fn decode(&self) -> String {
        let mut out = String::from(
            "    fn decode<'a>(\n        input: usize,\n        record: &str,\n        schema: &codec::Split,\n        \
             body: &'a [u8],\n    ) -> Result<Decoded<'a, Self>, CodecError> {\n        match (input, record) {\n",
        );
        for (input, record) in &self.ins {
            let by = self.processor.by.iter().find(|(topic, _)| *topic == self.inputs[*input].name);
            let identity = match by {
                None => "|_| Ok(None)".to_owned(),
                Some((_, fields)) => {
                    let fields: Vec<String> = fields.iter().map(|field| format!("&it.{field}")).collect();
                    format!("|it| codec::identity(&[{}])", fields.join(", "))
                }
            };
            out.push_str(&format!(
                "            ({input}, {}) => codec::decode(schema, body, In::{record}, {identity}),\n",
                quoted(record)
            ));
        }
        out + "            _ => Err(codec::unexpected(&TOPOLOGY, input, record)),\n        }\n    }\n\n"
    }

    fn tombstones(&self) -> String {
        let compacted: Vec<(usize, &&Topic)> =
            self.inputs.iter().enumerate().filter(|(_, topic)| topic.compacted).collect();
        if compacted.is_empty() {
            return "    fn tombstone<'a>(_: usize) -> Option<In<'a>> {\n        None\n    }\n\n".to_owned();
        }
        let arms: String = compacted
            .iter()
            .map(|(input, topic)| format!("            {input} => Some(In::{}),\n", tombstone(&topic.name)))
            .collect();
        format!(
            "    fn tombstone<'a>(input: usize) -> Option<In<'a>> {{\n        match input {{\n{arms}            \
             _ => None,\n        }}\n    }}\n\n"
        )
    }

    fn wakes(&self) -> String {
        let wakes = self.processor.wakes.iter().enumerate();
        if self.processor.wakes.is_empty() {
            return "    fn wake<'a>(_: u8, _: &'a str) -> Option<In<'a>> {\n        None\n    }\n\n    \
                    fn wake_kind(wake: Wake) -> u8 {\n        match wake {}\n    }\n\n"
                .to_owned();
        }
        let from: String = wakes
            .clone()
            .map(|(at, wake)| format!("            {at} => Some(In::Wake(Wake::{}, sub)),\n", camel(wake)))
            .collect();
        let to: String = wakes.map(|(at, wake)| format!("            Wake::{} => {at},\n", camel(wake))).collect();
        format!(
            "    fn wake<'a>(kind: u8, sub: &'a str) -> Option<In<'a>> {{\n        match kind {{\n{from}            \
             _ => None,\n        }}\n    }}\n\n    fn wake_kind(wake: Wake) -> u8 {{\n        match wake {{\n{to}        }}\n    }}\n\n"
        )
    }

    /// Routing and encoding of outputs or replies.
    fn encode(&self, route: &str, encode: &str, var: &str, name: &str, records: &[(usize, String)]) -> String {
        let reply = name == "Reply";
        let ty = if records.is_empty() { name.to_owned() } else { format!("{name}<'_>") };
        let (generic, own) = if records.is_empty() { ("", "") } else { ("<'o>", "'o ") };
        let number = if reply { "" } else { "usize, " };
        let (meta, buffer) = if records.is_empty() { ("_", "_") } else { ("meta", "buffer") };
        let (mut routes, mut encodes) = (String::new(), String::new());
        for (at, record) in records {
            let at = if reply { String::new() } else { format!("{at}, ") };
            let literal = quoted(record);
            routes.push_str(&format!("            {name}::{record}(it) => ({at}{literal}, codec::key(it)),\n"));
            encodes.push_str(&format!("            {name}::{record}(it) => codec::encode(it, meta, buffer),\n"));
        }
        let (deref, routes, encodes) = if records.is_empty() {
            ("*", "{}".to_owned(), "{}".to_owned())
        } else {
            ("", format!("{{\n{routes}        }}"), format!("{{\n{encodes}        }}"))
        };
        format!(
            "    fn {route}{generic}({var}: &{own}{ty}) -> ({number}&'static str, &{own}str) {{\n        match {deref}{var} {routes}\n    }}\n\n    \
             fn {encode}({var}: &{ty}, {meta}: &Meta, {buffer}: &mut Vec<u8>) -> Result<Encoded, CodecError> {{\n        \
             match {deref}{var} {encodes}\n    }}\n\n"
        )
    }

    fn changes(&self) -> String {
        let head = "    fn change(change: &Change) -> Result<(u8, &[u8], Option<Vec<u8>>), CodecError> {\n";
        if self.processor.state.is_none() {
            return format!("{head}        match *change {{}}\n    }}\n\n");
        }
        let mut arms = String::new();
        for (table, number, _) in self.tables() {
            let name = camel(&table);
            if table.is_empty() {
                arms.push_str("            Change::Put(it) => Ok((0, b\"\", Some(codec::store(it)?))),\n");
                arms.push_str("            Change::Delete => Ok((0, b\"\", None)),\n");
            } else {
                arms.push_str(&format!(
                    "            Change::Put{name}(sub, it) => Ok(({number}, sub.as_bytes(), Some(codec::store(it)?))),\n            \
                     Change::Delete{name}(sub) => Ok(({number}, sub.as_bytes(), None)),\n"
                ));
            }
        }
        format!("{head}        match change {{\n{arms}        }}\n    }}\n\n")
    }

    fn topology(&self) -> String {
        let topic = |it: &Topic| format!("flow::Topic {{ name: {}, partitions: {} }}", quoted(&it.name), it.partitions);
        let list = |items: Vec<String>| {
            if items.is_empty() {
                return "&[]".to_owned();
            }
            let lines: String = items.iter().map(|item| format!("        {item},\n")).collect();
            format!("&[\n{lines}    ]")
        };
        let inputs = self.inputs.iter().map(|it| {
            let records: Vec<String> = it.records.iter().map(|record| quoted(record)).collect();
            let known_by = self.processor.by.iter().any(|(topic, _)| *topic == it.name);
            let duplicates = match self.processor.duplicates {
                DuplicatesDecl::Answer if !it.compacted => "Answer",
                DuplicatesDecl::Refuse if known_by => "Refuse",
                DuplicatesDecl::Answer | DuplicatesDecl::Refuse | DuplicatesDecl::Drop => "Drop",
            };
            format!(
                "flow::Input {{\n            topic: {},\n            records: &[{}],\n            compacted: {},\n            \
                 duplicates: flow::Duplicates::{},\n        }}",
                quoted(&it.name),
                records.join(", "),
                it.compacted,
                duplicates
            )
        });
        let replies = self.catalog.reply_topics(self.processor);
        let tables: Vec<String> = self
            .tables()
            .iter()
            .map(|(table, _, record)| quoted(&if table.is_empty() { snake(record) } else { table.clone() }))
            .collect();
        format!(
            "const TOPOLOGY: Topology = Topology {{\n    name: {},\n    partitions: {},\n    inputs: {},\n    outputs: {},\n    \
             replies: {},\n    tables: &[{}],\n    window_ms: {},\n}};\n",
            quoted(&self.processor.name),
            self.catalog.partitions(self.processor),
            list(inputs.collect()),
            list(self.outputs.iter().map(|it| topic(it)).collect()),
            list(replies.map(topic).collect()),
            tables.join(", "),
            self.processor.window_ms
        )
    }
}
