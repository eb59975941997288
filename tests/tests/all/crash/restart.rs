//! How long the flow stands still after a kill -9: the instance comes back under its name, or another one takes over.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use engine::shell::client::{Client, From};
use tests::{Kafka, Orderflow, Program, eventually};

use super::{LIMIT, PROCESSORS, alone};
use crate::broker::{now_ms, place};

/// So many that every task of order-intake has some, or nearly.
const ORDERS: usize = 40;

fn start(program: &Program, instance: &str) -> Result<Orderflow> {
    program.run(&PROCESSORS, instance, &format!("data-{instance}"))
}

/// Sends orders and waits until all of them are completed; how long that took since `since`.
fn complete(program: &Program, name: &str, since: Instant) -> Result<Duration> {
    let mut client = program.client()?;
    let mut replies = client.tail(&["order-replies.v1"], From::End)?;
    let mut open = BTreeSet::new();
    for number in 0..ORDERS {
        let order = place(&format!("{name}-{number}"), "lamp", 1, now_ms()?)?;
        open.extend(order.key.clone());
        client.send(order)?;
    }
    client.flush()?;
    eventually(&format!("the orders \"{name}\" to be completed"), LIMIT, || {
        for reply in replies.poll(Duration::from_millis(100))? {
            if let Some(key) = reply.key.as_ref().filter(|_| reply.header("record") == "Completed") {
                open.remove(key);
            }
        }
        Ok(open.is_empty().then_some(()))
    })?;
    Ok(since.elapsed())
}

fn measure(protocol: &str) -> Result<()> {
    let kafka = Kafka::start()?;
    let flags = vec!["--group-protocol".to_owned(), protocol.to_owned()];
    Program::new(&kafka.bootstrap())?.with_flags(flags).judge(|program| {
        program.ok(&["topics", "apply"])?;
        let mut first = start(program, "a")?;
        first.assigned()?;
        program.ok(&["item", "register", "lamp", "--price", "100", "--stock", "1000"])?;
        let calm = complete(program, "calm", Instant::now())?;

        first.kill()?;
        let since = Instant::now();
        first.start()?;
        let back = complete(program, "back", since)?;

        let mut second = start(program, "b")?;
        second.assigned().context("the second instance")?;
        complete(program, "both", Instant::now())?;
        first.kill()?;
        let since = Instant::now();
        let replaced = complete(program, "replaced", since)?;
        ensure!(second.runs()?, "the second ended\n{}", second.tail());
        second.stop()?;
        // Said, not judged: what it is depends on the machine. The test broker's KIP-848 sessions are 6 s, not 45 s.
        println!(
            "{protocol}: {ORDERS} orders are sent and completed in {calm:.1?}; after kill -9 and a start under the same name \
             in {back:.1?}; when the other instance has to take over in {replaced:.1?}"
        );
        Ok(())
    })
}

#[test]
fn crash_restart_times() -> Result<()> {
    let _turn = alone();
    ["classic", "consumer"].into_iter().try_for_each(measure)
}
