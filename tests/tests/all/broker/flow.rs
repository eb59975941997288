//! Orders that wait, requests that come twice, records that nobody can read: on one Kafka, one after the other.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use anyhow::{Context, Result, ensure};
use engine::core::{headers, ids};
use engine::shell::client::{Client, Message};
use engine::shell::kafka::Admin;
use tests::{Kafka, Orderflow, Program, eventually, settings};

use super::{LIMIT, PROCESSORS, all_assigned, now_ms, place, shown};

/// A Kafka with topics, and every processor in one process.
pub struct Shared {
    pub program: Program,
    pub processors: Option<Orderflow>,
    pub kafka: Kafka,
}

impl Shared {
    /// The processors, started if they do not run.
    pub fn running(&mut self) -> Result<&mut Orderflow> {
        if self.processors.is_none() {
            let mut process = self.program.run(&PROCESSORS, "a", "data")?;
            all_assigned(&mut process)?;
            self.processors = Some(process);
        }
        self.processors.as_mut().context("just started")
    }

    /// SIGTERM, and a clean end.
    pub fn stop(&mut self) -> Result<()> {
        self.processors.take().map_or(Ok(()), |mut process| process.stop())
    }
}

/// Whoever comes first starts it, whoever leaves last ends it; one test at a time.
pub fn shared(body: impl FnOnce(&mut Shared) -> Result<()>) -> Result<()> {
    static SHARED: Mutex<Weak<Mutex<Shared>>> = Mutex::new(Weak::new());
    let mine = {
        let mut known = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        match known.upgrade() {
            Some(shared) => shared,
            None => {
                let kafka = Kafka::start()?;
                let program = Program::new(&kafka.bootstrap())?;
                program.ok(&["topics", "apply"])?;
                let shared = Arc::new(Mutex::new(Shared { program, processors: None, kafka }));
                *known = Arc::downgrade(&shared);
                shared
            }
        }
    };
    let mut shared: MutexGuard<'_, Shared> = mine.lock().unwrap_or_else(PoisonError::into_inner);
    let done = shared.running().map(drop).and_then(|()| body(&mut shared));
    shared.program.judge(|_| done)
}

#[test]
fn broker_parked_order_goes_on_by_itself() -> Result<()> {
    shared(|shared| {
        let program = &shared.program;
        let done = program.ok(&["order", "submit", "--item", "ghost=2", "--wait", "3"])?;
        ensure!(done.out.contains("\nAccepted"), "{done}");
        let order_id = done.value("ticket")?;
        let story = shown(program, &order_id, "status: parked")?;
        ensure!(story.contains("nobody has registered item \"ghost\" yet"), "{story}");
        ensure!(story.contains("orderflow item register ghost"), "no hint: {story}");
        program.ok(&["item", "register", "ghost", "--price", "500", "--stock", "10"])?;
        let story = shown(program, &order_id, "status: completed")?;
        ensure!(story.contains("total_minor=1000"), "{story}");
        Ok(())
    })
}

/// Acceptances of an order, in the order of the log.
fn replies(program: &Program, order_id: &str, record: &str) -> Result<Vec<Message>> {
    let mut all = program.read(&["order-replies.v1"])?;
    all.retain(|message| {
        message.key.as_deref() == Some(order_id.as_bytes()) && message.header(headers::RECORD) == record
    });
    all.sort_by_key(|message| message.offset);
    Ok(all)
}

#[test]
fn broker_same_request_is_one_order_over_restarts() -> Result<()> {
    shared(|shared| {
        shared.program.ok(&["item", "register", "twice", "--price", "100", "--stock", "50"])?;
        let first = shared.program.ok(&submit("twice=1", "120"))?;
        ensure!(first.out.contains("\nCompleted"), "{first}");
        let order_id = first.value("ticket")?;
        let again = |program: &Program| -> Result<()> {
            let done = program.ok(&submit("twice=1", "0"))?;
            ensure!(done.value("ticket")? == order_id && done.out.contains("\nAccepted"), "{done}");
            Ok(())
        };
        again(&shared.program)?;
        shared.stop()?;
        shared.running()?;
        again(&shared.program).context("after a restart")?;
        shared.stop()?;
        std::fs::remove_dir_all(shared.program.at("data"))?;
        shared.running()?;
        again(&shared.program).context("after a restart without its store")?;
        let mut other = shared.program.run(&PROCESSORS, "b", "data-b")?;
        tests::logged(&mut other, "assigned", LIMIT)?;
        shared.stop()?;
        all_assigned(&mut other)?;
        again(&shared.program).context("after another instance took over")?;
        let other_content = shared.program.fails(&submit("twice=2", "120"), 1, "order-refused")?;
        ensure!(other_content.to_string().contains("CONFLICT"), "{other_content}");
        other.stop()?;

        let placed = shared.program.read(&["order-events.v1"])?;
        let mine = |message: &&Message| message.key.as_deref() == Some(order_id.as_bytes());
        let placed = placed.iter().filter(mine).filter(|message| message.header(headers::RECORD) == "OrderPlaced");
        ensure!(placed.count() == 1, "more than one OrderPlaced");
        let accepted = replies(&shared.program, &order_id, "Accepted")?;
        ensure!(accepted.len() == 5, "{} acceptances", accepted.len());
        for other in &accepted {
            for name in [headers::EVENT_ID, headers::CONTENT, headers::CAUSE] {
                ensure!(other.header(name) == accepted[0].header(name), "{name}: {accepted:?}");
            }
        }
        Ok(())
    })
}

fn submit<'a>(item: &'a str, wait: &'a str) -> Vec<&'a str> {
    vec!["order", "submit", "--item", item, "--request-id", "same-request", "--wait", wait]
}

#[test]
fn broker_same_record_twice_gets_the_same_bytes() -> Result<()> {
    shared(|shared| {
        let program = &shared.program;
        let command = place("delivered-twice", "delivered-twice", 1, now_ms()?)?;
        let order_id = String::from_utf8(command.key.clone().unwrap_or_default())?;
        for _ in 0..2 {
            let mut client = program.client()?;
            client.send(command.clone())?;
            client.flush()?;
        }
        let accepted = eventually("two acceptances", LIMIT, || {
            Ok(Some(replies(program, &order_id, "Accepted")?).filter(|accepted| accepted.len() == 2))
        })?;
        ensure!(accepted[0].header(headers::EVENT_ID) == accepted[1].header(headers::EVENT_ID), "{accepted:?}");
        ensure!(accepted[0].value == accepted[1].value, "{accepted:?}");
        Ok(())
    })
}

const POISON: &str = "poison";

/// Each kind of trouble with its code, in front of a good order in the same partition.
fn poison(good: &Message) -> Result<Vec<(&'static str, Message)>> {
    let value = good.value.clone().unwrap_or_default();
    let other = place("poison-other", "sound", 1, good.timestamp_ms)?;
    let key = |here: bool| {
        let mut keys = (0..).map(|number| format!("somebody else {number}"));
        let key = keys.find(|key| (ids::partition(key.as_bytes(), 12) == good.partition) == here);
        key.unwrap_or_default().into_bytes()
    };
    let unknown = [&[0u8][..], &0x7fff_0001u32.to_be_bytes(), &value[5..]].concat();
    let kinds = [
        ("garbage", "undecodable", good.key.clone(), Some(b"\x07this is no record".to_vec())),
        ("unknown schema", "schema-unknown", good.key.clone(), Some(unknown)),
        ("truncated", "undecodable", good.key.clone(), Some(value[..value.len() - 4].to_vec())),
        ("null", "value-missing", good.key.clone(), None),
        ("large", "too-large", good.key.clone(), Some([&value[..], &[b'x'; 300 << 10]].concat())),
        ("no key", "key-mismatch", None, other.value.clone()),
        ("wrong key", "key-mismatch", Some(key(true)), other.value.clone()),
        ("wrong partition", "wrong-partition", Some(key(false)), other.value.clone()),
    ];
    let message = |(name, code, key, value): (&str, &'static str, _, _)| {
        let headers = vec![headers::owned(POISON, name)];
        (code, Message { key, value, headers, ..good.clone() })
    };
    Ok(kinds.into_iter().map(message).collect())
}

#[test]
fn broker_poison_goes_to_the_dead_letters_and_blocks_nobody() -> Result<()> {
    shared(|shared| {
        let program = &shared.program;
        program.ok(&["item", "register", "sound", "--price", "100", "--stock", "10"])?;
        let good = place("behind-poison", "sound", 3, now_ms()?)?;
        let poison = poison(&good)?;
        let mut client = program.client()?;
        for (_, message) in &poison {
            client.send(message.clone())?;
        }
        client.send(good.clone())?;
        client.flush()?;
        let order_id = String::from_utf8(good.key.clone().unwrap_or_default())?;
        shown(program, &order_id, "status: completed")?;

        let letters = program.read(&["order-intake-dlq"])?;
        let list = program.ok(&["dlq", "list", "order-intake"])?;
        for (code, sent) in &poison {
            let name = sent.header(POISON);
            let mut same = letters.iter().filter(|letter| letter.header(POISON) == name);
            let letter = same.next().with_context(|| format!("no dead letter for \"{name}\": {list}"))?;
            ensure!(same.next().is_none(), "more than one dead letter for \"{name}\": {list}");
            ensure!(letter.header(headers::DLQ_CODE) == *code, "\"{name}\": {letter:?}");
            ensure!(letter.key == sent.key, "the key of \"{name}\" changed");
            ensure!(
                letter.value.clone().unwrap_or_default() == sent.value.clone().unwrap_or_default(),
                "the bytes of \"{name}\" changed"
            );
            let position = format!("{}:{}", letter.partition, letter.offset);
            let from = (good.partition, letter.header(headers::DLQ_OFFSET));
            let line = format!("order-intake {position} {code} order-commands.v1/{}@{} ", from.0, from.1);
            ensure!(list.out.contains(&line), "no \"{line}\" in {list}");
            let shown = program.ok(&["dlq", "show", "order-intake", &position])?;
            let bytes =
                sent.value.as_ref().map_or("value   null".to_owned(), |value| format!("value   {} bytes", value.len()));
            let source = format!("from    order-commands.v1 partition {} offset {}", from.0, from.1);
            for part in [format!("code    {code}: "), "\nhint    ".to_owned(), source, bytes] {
                ensure!(shown.out.contains(&part), "\"{name}\" without \"{part}\": {shown}");
            }
        }
        Ok(())
    })
}

/// Two processes of one name take it from each other; the one that loses it twice ends, and says why.
#[test]
fn broker_of_two_twins_one_ends_and_one_goes_on() -> Result<()> {
    shared(|shared| {
        shared.program.ok(&["item", "register", "twin-item", "--price", "100", "--stock", "10"])?;
        let mut first = shared.processors.take().context("it runs")?;
        let mut twin = shared.program.run(&PROCESSORS, "a", "data-twin")?;
        let ended = eventually("one of the two to end", LIMIT, || {
            Ok(if !first.runs()? {
                Some(true)
            } else if !twin.runs()? {
                Some(false)
            } else {
                None
            })
        })?;
        let (mut loser, mut winner) = if ended { (first, twin) } else { (twin, first) };
        let said = loser.wait(LIMIT)?.expect(1)?;
        ensure!(said.err.contains("another instance probably runs under the same name"), "{}", said.err);
        let done = shared.program.ok(&["order", "submit", "--item", "twin-item=1"])?;
        ensure!(done.out.contains("\nCompleted"), "{done}");
        ensure!(winner.runs()?, "both ended\n{}", winner.tail());
        winner.stop()
    })
}

/// Headers are the sender's: names that are not UTF-8, nulls, bytes. A record is handled with them, a dead letter keeps them,
/// and no reader dies of them, not even the next owner of the partition, for whom they lie behind the committed offset.
#[test]
fn broker_any_header_is_carried() -> Result<()> {
    shared(|shared| {
        shared.program.ok(&["item", "register", "headed", "--price", "100", "--stock", "10"])?;
        let hostile = vec![
            (b"schl\xfcssel".to_vec(), Some(b"1".to_vec())),
            (b"event_id".to_vec(), None),
            (b"traceparent".to_vec(), Some(b"\xff\xfe00-zz".to_vec())),
            (Vec::new(), Some(Vec::new())),
        ];
        let sound = Message { headers: hostile.clone(), ..place("headed-1", "headed", 1, now_ms()?)? };
        let poison = Message { value: Some(b"\x07no record".to_vec()), ..sound.clone() };
        let mut client = shared.program.client()?;
        client.send(sound.clone())?;
        client.send(poison.clone())?;
        client.flush()?;
        let order_id = String::from_utf8(sound.key.clone().unwrap_or_default())?;
        shown(&shared.program, &order_id, "status: completed")?;
        let letter = eventually("its dead letter", LIMIT, || {
            let letters = shared.program.read(&["order-intake-dlq"])?;
            Ok(letters.into_iter().find(|letter| letter.value == poison.value))
        })?;
        ensure!(letter.headers.starts_with(&hostile), "not byte for byte: {letter:?}");
        let position = format!("{}:{}", letter.partition, letter.offset);
        let told = shared.program.ok(&["dlq", "show", "order-intake", &position])?;
        ensure!(told.out.contains("header  event_id is null") && told.out.contains("schl\u{fffd}ssel=1"), "{told}");

        shared.stop()?;
        shared.running()?;
        let done = shared.program.ok(&["order", "submit", "--item", "headed=1"])?;
        ensure!(done.out.contains("\nCompleted"), "{done}");
        shown(&shared.program, &order_id, "status: completed")?;
        Ok(())
    })
}

/// The broker refuses one record, librdkafka purges those around it: the one is set aside, the others are handled.
#[test]
fn broker_a_refused_record_is_found_among_those_purged_with_it() -> Result<()> {
    const OTHERS: i64 = 600;
    shared(|shared| {
        let (program, admin) = (&shared.program, Admin::open(&settings(&shared.kafka.bootstrap()))?);
        program.ok(&["item", "register", "plenty", "--price", "100", "--stock", "100000"])?;
        let bound = |ms: &str| admin.alter("orders.v1", &[("message.timestamp.before.max.ms".into(), ms.into())]);
        bound("3600000")?;
        let now_ms = now_ms()?;
        let old = place("refused-old", "plenty", 1, now_ms - 2 * 3_600_000)?;
        let mut client = program.client()?;
        let mut sent = Vec::new();
        for number in 0..OTHERS {
            let order = place(&format!("refused-{number}"), "plenty", 1, now_ms)?;
            sent.extend(order.key.clone());
            client.send(order)?;
            if number == OTHERS / 2 {
                client.send(old.clone())?;
            }
        }
        client.flush()?;
        let code = eventually("the dead letter", LIMIT, || {
            let letters = program.read(&["order-intake-dlq"])?;
            let letter = letters.into_iter().find(|letter| letter.key == old.key);
            Ok(letter.map(|letter| letter.header(headers::DLQ_CODE).to_owned()))
        });
        let accepted = eventually("the others to be accepted", LIMIT, || {
            let orders = program.read(&["orders.v1"])?;
            let keys: std::collections::BTreeSet<&[u8]> =
                orders.iter().filter_map(|order| order.key.as_deref()).collect();
            Ok(sent.iter().all(|key| keys.contains(key.as_slice())).then_some(()))
        });
        bound("9223372036854775807")?;
        ensure!(code? == "output-refused", "another code");
        accepted
    })
}
