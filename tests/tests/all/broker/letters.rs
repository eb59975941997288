//! Dead letters of records that are larger than what a topic takes uncompressed.

use anyhow::{Context, Result, ensure};
use engine::core::headers;
use engine::core::letter::{LETTER_BYTES_MAX, STUB_BYTES};
use engine::shell::client::Client;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use tests::eventually;

use super::flow::shared;
use super::{LIMIT, now_ms, place, shown};

/// A topic's limit counts what is compressed: these pass it, and their letters may not.
#[test]
fn broker_a_large_letter_is_whole_or_a_stub_and_stops_nobody() -> Result<()> {
    shared(|shared| {
        let program = &shared.program;
        program.ok(&["item", "register", "large", "--price", "100", "--stock", "10"])?;
        let good = place("behind-large", "large", 1, now_ms()?)?;
        let key = good.key.clone().context("a command has a key")?;
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", shared.kafka.bootstrap())
            .set("compression.type", "lz4")
            .set("message.max.bytes", "20000000")
            .create()?;
        let sizes = [2 << 20, LETTER_BYTES_MAX + 1];
        for size in sizes {
            let value = vec![b'x'; size];
            let record = BaseRecord::to("order-commands.v1").partition(good.partition as i32).key(&key).payload(&value);
            producer.send(record).map_err(|(error, _)| error)?;
            producer.flush(LIMIT)?;
        }
        let mut client = program.client()?;
        client.send(good.clone())?;
        client.flush()?;
        shown(program, &String::from_utf8(key.clone())?, "status: completed")?;
        let letters = eventually("two letters", LIMIT, || {
            let mut letters = program.read(&["order-intake-dlq"])?;
            letters.retain(|letter| letter.key.as_ref() == Some(&key));
            Ok((letters.len() == 2).then_some(letters))
        })?;
        let lengths: Vec<usize> = letters.iter().map(|letter| letter.value.as_ref().map_or(0, Vec::len)).collect();
        ensure!(lengths == [sizes[0], STUB_BYTES], "{lengths:?}");
        ensure!(
            letters.iter().all(|letter| letter.header(headers::DLQ_CODE) == "too-large"),
            "{:?}",
            letters[1].headers
        );
        ensure!(letters[1].header(headers::DLQ_VALUE_BYTES) == sizes[1].to_string(), "{:?}", letters[1].headers);
        let list = program.ok(&["dlq", "list", "order-intake"])?;
        ensure!(list.out.contains("(a stub)"), "{list}");
        let position = format!("{}:{}", letters[1].partition, letters[1].offset);
        let stub = program.ok(&["dlq", "show", "order-intake", &position])?;
        ensure!(stub.out.contains(&format!("a value of {} and", sizes[1])), "{stub}");
        Ok(())
    })
}
