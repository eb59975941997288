//! Topics that are not as declared, nobody who answers, nobody who listens.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use engine::shell::kafka::{Admin, KafkaSettings};
use tests::{Kafka, Program, eventually, free_address};

use super::ALL;

/// How long a person waits for "there is no broker".
const PATIENCE: Duration = Duration::from_secs(25);

/// The topic of commands, with something wrong; returns when the broker shows it.
fn create(kafka: &Kafka, admin: &Admin, partitions: i32, config: (&str, &str)) -> Result<()> {
    kafka.create_topic("order-commands.v1", partitions, &[config])?;
    let shown = || Ok(admin.topics()?.contains_key("order-commands.v1").then_some(()));
    eventually("the broker to show a topic", Duration::from_secs(30), shown)
}

#[test]
fn broker_topics_are_checked_before_anything_runs() -> Result<()> {
    let kafka = Kafka::start()?;
    let program = Program::new(&kafka.bootstrap())?;
    let settings = KafkaSettings { bootstrap: kafka.bootstrap(), instance: "test".into(), ..KafkaSettings::default() };
    let admin = Admin::open(&settings)?;
    let data = program.arg("data");
    let run = [&["run"], &ALL[..], &["--data", &data]].concat();
    program.judge(|program| {
        let missing = program.fails(&run, 1, "topics")?;
        ensure!(missing.err.contains("topic \"order-commands.v1\" is missing"), "{missing}");
        ensure!(missing.err.contains("hint: `orderflow topics apply`"), "{missing}");
        for command in [&["order", "submit", "--item", "x=1"][..], &["dlq", "list"], &["order", "show", "x"]] {
            let missing = program.fails(command, 1, "topic-missing")?;
            ensure!(missing.err.contains("orderflow topics apply"), "{missing}");
        }
        program.fails(&["reset", "item-lookup"], 1, "topics")?;
        ensure!(missing.err.matches("\"orders.v1\"").count() == 1, "named twice: {missing}");

        let wrong = [
            (3, "cleanup.policy", "delete", "has 3 partitions, topics.yaml says 12"),
            (12, "cleanup.policy", "compact", "has cleanup.policy=compact, topics.yaml says delete"),
        ];
        for (partitions, name, value, words) in wrong {
            create(&kafka, &admin, partitions, (name, value))?;
            let before = admin.topics()?;
            let drift = program.fails(&["topics", "apply"], 1, "topic-drift")?;
            ensure!(drift.err.contains(words), "{drift}");
            ensure!(admin.topics()? == before, "`topics apply` changed something although it refused");
            admin.delete(&["order-commands.v1".to_owned()])?;
        }

        // One wrong topic among good ones: what a processor says.
        program.ok(&["topics", "apply"])?;
        for (partitions, name, value, words) in wrong {
            admin.delete(&["order-commands.v1".to_owned()])?;
            create(&kafka, &admin, partitions, (name, value))?;
            let refused = program.fails(&run, 1, "topics")?;
            ensure!(refused.err.contains(words) && refused.err.contains("\"order-commands.v1\""), "{refused}");
        }
        admin.delete(&["order-commands.v1".to_owned()])?;
        let created = program.ok(&["topics", "apply"])?;
        ensure!(created.out.contains("created order-commands.v1"), "{created}");
        let again = program.ok(&["topics", "apply"])?;
        ensure!(again.out.starts_with("0 created"), "{again}");

        let nobody = program.fails(&["order", "submit", "--item", "x=1", "--wait", "0"], 3, "no-answer")?;
        ensure!(nobody.err.contains("orderflow run"), "{nobody}");
        program.fails(&["item", "register", "x", "--price", "1", "--wait", "2"], 3, "no-answer")?;
        Ok(())
    })
}

#[test]
fn broker_that_nobody_reaches_is_named() -> Result<()> {
    let address = free_address()?;
    let program = Program::new(&address)?;
    program.judge(|program| {
        let commands: [&[&str]; 7] = [
            &["order", "submit", "--item", "x=1"],
            &["order", "show", "x"],
            &["item", "register", "x", "--price", "1"],
            &["dlq", "list"],
            &["dlq", "show", "fulfilment", "0:0"],
            &["topics", "apply"],
            &["reset", "item-lookup"],
        ];
        let mut running = Vec::new();
        for command in commands {
            running.push((command.join(" "), program.start("tool", command)?));
        }
        for (command, mut process) in running {
            let done =
                process.wait(PATIENCE).with_context(|| command.clone())?.expect(3).with_context(|| command.clone())?;
            let says = |words: &str| done.err.contains(words);
            ensure!(
                says(&format!("broker \"{address}\" does not answer")) && says("\nhint: ") && !says("panicked"),
                "{command}: {}",
                done.err
            );
            ensure!(says("error[broker-unreachable]: "), "{command}: {}", done.err);
        }
        Ok(())
    })
}
