//! `orderflow dlq`: dead letters, as they came and why.

use std::path::PathBuf;

use engine::core::headers;
use engine::shell::client::Message;

use crate::decode::{Decoder, time};
use crate::failure::Failure;
use crate::ids::Ids;
use crate::log::Log;
use crate::options::Place;
use crate::processors;

/// Dead letters
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// One line per dead letter
    List {
        /// Only this processor's
        processor: Option<String>,
    },
    /// A dead letter whole: where it came from, why it was rejected, its bytes
    Show {
        /// The processor that rejected it
        processor: String,
        /// PARTITION:OFFSET, as `dlq list` prints it
        position: String,
        /// Schema ids of the registry, remembered here
        #[arg(long, env = "ORDERFLOW_DATA", default_value = "data", value_name = "DIR")]
        data: PathBuf,
    },
}

/// Runs the command.
pub fn run(command: &Command, place: &Place) -> anyhow::Result<()> {
    let log = Log::open(place, "tool")?;
    let mut client = log.client()?;
    match command {
        Command::List { processor } => {
            let names: Vec<&str> = match processor {
                Some(name) => vec![processors::find(name)?.name()],
                None => processors::ALL.iter().map(|known| known.name()).collect(),
            };
            let topics: Vec<String> = names.iter().map(|name| format!("{name}-dlq")).collect();
            let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
            let mut letters = Vec::new();
            super::order::each_committed(&mut *client, &topics, |message| letters.push(message))?;
            letters.sort_by(|a, b| (&a.topic, a.partition, a.offset).cmp(&(&b.topic, b.partition, b.offset)));
            letters.iter().for_each(|letter| outln!("{}", line(letter)));
            eprintln!("{} dead letters", letters.len());
            Ok(())
        }
        Command::Show { processor, position, data } => {
            let topic = format!("{}-dlq", processors::find(processor)?.name());
            let bad = || {
                Failure::usage(
                    "bad-position",
                    format!("position \"{position}\""),
                    "write it as PARTITION:OFFSET, as `dlq list` prints it",
                )
            };
            let (partition, offset) = position.split_once(':').ok_or_else(bad)?;
            let (partition, offset): (u32, i64) =
                (partition.parse().map_err(|_| bad())?, offset.parse().map_err(|_| bad())?);
            let mut found = None;
            super::order::each_committed(&mut *client, &[&topic], |message| {
                if (message.partition, message.offset) == (partition, offset) {
                    found = Some(message);
                }
            })?;
            let letter = found.ok_or_else(|| {
                Failure::new(
                    "dlq-unknown",
                    format!("no dead letter of \"{processor}\" at {position}"),
                    "`orderflow dlq list` prints all",
                )
            })?;
            let ids = Ids::of(place, data)?;
            show(&letter, &mut Decoder::new(&ids));
            Ok(())
        }
    }
}

fn key(letter: &Message) -> String {
    letter.key.as_deref().map_or("-".into(), |key| String::from_utf8_lossy(key).into_owned())
}

fn is_stub(letter: &Message) -> bool {
    letter.header(headers::DLQ_STUB) == "true"
}

fn line(letter: &Message) -> String {
    let stub = if is_stub(letter) { " (a stub)" } else { "" };
    format!(
        "{} {}:{} {} {}/{}@{} key={} {}{stub}",
        letter.topic.trim_end_matches("-dlq"),
        letter.partition,
        letter.offset,
        letter.header(headers::DLQ_CODE),
        letter.header(headers::DLQ_TOPIC),
        letter.header(headers::DLQ_PARTITION),
        letter.header(headers::DLQ_OFFSET),
        key(letter),
        letter.header(headers::DLQ_DETAIL),
    )
}

fn show(letter: &Message, decoder: &mut Decoder) {
    let code = letter.header(headers::DLQ_CODE);
    outln!("code    {code}: {}", letter.header(headers::DLQ_DETAIL));
    if let Some(known) = flow::Code::parse(code) {
        outln!("hint    {}; docs/rejects/{code}.md", known.hint());
    }
    let from =
        (letter.header(headers::DLQ_TOPIC), letter.header(headers::DLQ_PARTITION), letter.header(headers::DLQ_OFFSET));
    let wake = letter.header(headers::DLQ_WAKE);
    if wake.is_empty() {
        outln!("from    {} partition {} offset {}", from.0, from.1, from.2);
    } else {
        outln!("from    a timer of partition {}: {wake}", from.1);
    }
    let ms = |name| letter.header(name).parse().ok();
    outln!("at      {}", time(ms(headers::DLQ_TIMESTAMP).unwrap_or(letter.timestamp_ms)));
    if let Some(due_ms) = ms(headers::DLQ_DUE) {
        outln!("due     {}", time(due_ms));
    }
    let (attempt, first) = (letter.header(headers::DLQ_ATTEMPT), letter.header(headers::DLQ_FIRST_OFFSET));
    outln!("attempt {attempt}, first at offset {first}, by version {}", letter.header(headers::DLQ_CODE_VERSION));
    outln!("key     {}", key(letter));
    for (name, value) in letter.headers.iter().filter(|(name, _)| !headers::is_of_letters(name)) {
        let name = String::from_utf8_lossy(name);
        match value {
            Some(value) => outln!("header  {name}={}", String::from_utf8_lossy(value)),
            None => outln!("header  {name} is null"),
        }
    }
    if letter.header(headers::DLQ_VALUE) == "null" {
        outln!("value   null");
        return;
    }
    if is_stub(letter) {
        let (key, value) = (letter.header(headers::DLQ_KEY_BYTES), letter.header(headers::DLQ_VALUE_BYTES));
        let headers_bytes = letter.header(headers::DLQ_HEADERS_BYTES);
        outln!("stub    of a key of {key}, a value of {value} and headers of {headers_bytes} bytes");
        outln!("blake3  {} of the whole value", letter.header(headers::DLQ_VALUE_BLAKE3));
    }
    match decoder.decode(letter) {
        Ok(decoded) => outln!("record  {} {}: {}", decoded.record, decoded.version, decoded.line()),
        Err(why) => outln!("record  not decodable: {why}"),
    }
    let bytes = letter.value.as_deref().unwrap_or_default();
    outln!("value   {} bytes", bytes.len());
    for (at, row) in bytes.chunks(16).take(64).enumerate() {
        let hex: Vec<String> = row.iter().map(|byte| format!("{byte:02x}")).collect();
        let text: String = row.iter().map(|byte| if byte.is_ascii_graphic() { *byte as char } else { '.' }).collect();
        outln!("  {:06x}  {:<47}  {text}", at * 16, hex.join(" "));
    }
    if bytes.len() > 1024 {
        outln!("  … {} more bytes", bytes.len() - 1024);
    }
}
