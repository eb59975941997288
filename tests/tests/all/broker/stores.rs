//! The folder of a store is damaged, gone, or taken.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use engine::core::headers;
use engine::shell::transport::{Mark, Position};
use tests::{Orderflow, Program, eventually, logged, warnings};

use super::flow::{Shared, shared};
use super::{LIMIT, PROCESSORS};

/// Every file below a folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { found.extend(files(&path)?) } else { found.push(path) }
    }
    Ok(found)
}

/// Overwrites the whole of a file, or a piece in its middle.
fn spoil(path: &Path, whole: bool) -> Result<()> {
    let mut bytes = fs::read(path)?;
    let (from, to) = if whole { (0, bytes.len()) } else { (bytes.len() / 8, bytes.len() / 8 * 7) };
    for (at, byte) in bytes.iter_mut().enumerate().take(to).skip(from) {
        *byte = (at * 31 % 251) as u8;
    }
    fs::write(path, bytes).with_context(|| path.display().to_string())
}

/// The order of before is known, and a new one finds the stock of before.
fn works(program: &Program, item: &str) -> Result<()> {
    let (one, request) = (format!("{item}=1"), format!("{item}-1"));
    let again = program.ok(&["order", "submit", "--item", &one, "--request-id", &request, "--wait", "0"])?;
    ensure!(again.out.contains("\nAccepted"), "{again}");
    let placed = program.read(&["order-events.v1"])?;
    let order_id = again.value("ticket")?;
    let mine = placed.iter().filter(|message| message.key.as_deref() == Some(order_id.as_bytes()));
    let placed = mine.filter(|message| message.header(headers::RECORD) == "OrderPlaced").count();
    ensure!(placed == 1, "{placed} OrderPlaced");
    let new = program.ok(&["order", "submit", "--item", &one])?;
    ensure!(new.out.contains("\nCompleted"), "{new}");
    Ok(())
}

fn restarted(shared: &mut Shared, spoil: impl FnOnce(&Path) -> Result<()>) -> Result<&Orderflow> {
    shared.stop()?;
    spoil(&shared.program.at("data"))?;
    shared.running()?;
    works(&shared.program, "damaged")?;
    shared.processors.as_ref().context("just started")
}

#[test]
fn broker_damaged_store_is_set_aside_and_rebuilt() -> Result<()> {
    shared(|shared| {
        shared.program.ok(&["item", "register", "damaged", "--price", "100", "--stock", "50"])?;
        let first = shared.program.ok(&["order", "submit", "--item", "damaged=1", "--request-id", "damaged-1"])?;
        ensure!(first.out.contains("\nCompleted"), "{first}");

        let process = restarted(shared, |data| files(data)?.iter().try_for_each(|path| spoil(path, true)))?;
        let said = warnings(process);
        ensure!(
            said.len() == PROCESSORS.len() && said.iter().all(|line| line.contains("set aside")),
            "one warning a store: {said:#?}"
        );

        let process = restarted(shared, |data| {
            let all = files(data)?;
            let mut logs = all.iter().filter(|path| path.ends_with("state/db"));
            logs.try_for_each(|path| spoil(path, false))
        })?;
        // What sled makes of it is sled's: it may come back with less, or not at all.
        let said = warnings(process);
        ensure!(said.iter().all(|line| line.contains("set aside")), "{said:#?}");

        let process = restarted(shared, |data| {
            let all = files(data)?;
            let mut segments = all.iter().filter(|path| path.to_string_lossy().contains("/dedup-"));
            segments.try_for_each(|path| spoil(path, true))
        })?;
        let said = warnings(process);
        ensure!(!said.is_empty() && said.iter().all(|line| line.contains("dedup segment")), "{said:#?}");

        let process = restarted(shared, |data| Ok(fs::remove_dir_all(data)?))?;
        ensure!(warnings(process).is_empty(), "{:#?}", warnings(process));
        Ok(())
    })
}

/// A foreign commit names both positions and changes nothing; without any offsets the tasks go on where they stand.
#[test]
fn broker_offsets_of_somebody_else_are_refused_and_missing_ones_answered() -> Result<()> {
    const INPUT: &str = "order-commands.v1";
    shared(|shared| {
        shared.program.ok(&["item", "register", "foreign", "--price", "100", "--stock", "50"])?;
        shared.program.ok(&["order", "submit", "--item", "foreign=1", "--request-id", "foreign-1"])?;
        shared.stop()?;
        let admin = shared.program.admin()?;
        let at: Vec<(String, u32)> = (0..12).map(|partition| (INPUT.to_owned(), partition)).collect();
        let found = admin.offsets("order-intake", &at)?;
        let mut moved = found.iter().zip(0..).filter_map(|(next, partition)| Some(((*next)?, partition)));
        let (next, partition) = moved.find(|(next, _)| *next > 0).context("nothing is committed")?;
        let topics: Vec<(String, u32)> = vec![(INPUT.to_owned(), partition)];
        let own = admin.positions("order-intake", &topics)?[0].context("it was there")?;
        let Mark::Events(events) = own.mark else { anyhow::bail!("no number of events beside {own:?}") };
        let beyond = Position { offset_next: next, mark: Mark::Events(events + 1) };
        eventually("the group to be empty", LIMIT, || {
            Ok(admin.set_offsets("order-intake", &[(INPUT.to_owned(), partition, beyond)]).ok())
        })?;
        let doctor = shared.program.fails(&["doctor"], 1, "unhealthy")?;
        let both = format!("with {} events handled, the state stands at {events}", events + 1);
        ensure!(doctor.out.contains(&both), "{doctor}");
        let foreign = Position { offset_next: next - 1, mark: Mark::None };
        eventually("the group to be empty", LIMIT, || {
            Ok(admin.set_offsets("order-intake", &[(INPUT.to_owned(), partition, foreign)]).ok())
        })?;
        let mut process = shared.program.run(&["order-intake"], "a", "data")?;
        let said = format!("{INPUT}: committed {}, the state stands at {next}", next - 1);
        logged(&mut process, &said, LIMIT)?;
        let doctor = shared.program.fails(&["doctor"], 1, "unhealthy")?;
        let words = [
            format!("\"order-intake\" does not open task {partition}: "),
            said,
            "\"fulfilment\": all 12 fit".to_owned(),
        ];
        ensure!(words.iter().all(|words| doctor.out.contains(words.as_str())), "{doctor}");
        process.kill()?;

        eventually("the group to be deleted", LIMIT, || Ok(admin.delete_groups(&["order-intake"]).ok()))?;
        shared.running()?;
        works(&shared.program, "foreign")?;
        // It has warned; others look for warnings of their own.
        shared.stop()
    })
}

#[test]
fn broker_store_of_another_process_is_refused() -> Result<()> {
    shared(|shared| {
        let data = shared.program.arg("data");
        let run = [&["run"], &PROCESSORS[..], &["--data", &data, "--instance", "z"]].concat();
        let refused = shared.program.fails(&run, 1, "store")?;
        ensure!(refused.err.contains("another process uses it"), "{refused}");
        ensure!(refused.err.lines().filter(|line| line.starts_with("error")).count() == 1, "{refused}");
        Ok(())
    })
}
