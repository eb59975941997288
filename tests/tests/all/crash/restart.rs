//! How long the flow stands still after a kill -9: the instance comes back under its name, or another one takes over.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tests::{Kafka, Orderflow, Program, eventually};

use super::{LIMIT, PROCESSORS, alone};

/// So many that every task of order-intake has some, or nearly.
const ORDERS: usize = 12;

fn start(program: &Program, instance: &str) -> Result<Orderflow> {
    program.run(&PROCESSORS, instance, &format!("data-{instance}"))
}

/// Sends orders and waits until all of them are completed; how long that took since `since`.
fn complete(program: &Program, name: &str, since: Instant) -> Result<Duration> {
    let mut tickets = Vec::new();
    for number in 0..ORDERS {
        let request = format!("{name}-{number}");
        // It gives up after ten seconds without an answer; to send it again changes nothing.
        let sent = eventually("an order to be accepted", LIMIT, || {
            let sent =
                program.tool(&["order", "submit", "--item", "lamp=1", "--request-id", &request, "--wait", "0"])?;
            Ok((sent.code == Some(0)).then_some(sent))
        })?;
        tickets.push(sent.value("ticket")?.into_bytes());
    }
    eventually(&format!("the orders \"{name}\" to be completed"), LIMIT, || {
        let replies = program.read(&["order-replies.v1"])?;
        let completed = |ticket: &Vec<u8>| {
            replies.iter().any(|reply| reply.key.as_ref() == Some(ticket) && reply.header("record") == "Completed")
        };
        Ok(tickets.iter().all(completed).then_some(()))
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
        let replaced = complete(program, "replaced", Instant::now())?;
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
