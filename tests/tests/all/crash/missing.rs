//! Who watches the verdict: take one record out of a log, and it must notice.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use engine::core::headers;
use engine::shell::embedded::EmbeddedLog;
use tests::Orderflow;

use super::text;

/// Verdicts at a time; each mostly waits.
const AT_A_TIME: usize = 8;

fn open(folder: &Path) -> Result<EmbeddedLog> {
    let topics: Vec<(String, u32)> =
        contract::TOPICS.iter().map(|topic| (topic.name.to_owned(), topic.partitions)).collect();
    Ok(EmbeddedLog::open(&folder.join("log"), &topics)?)
}

/// A record in the middle for each topic and record type that the verdict reads: (topic, record) to (partition, offset).
fn samples(log: &EmbeddedLog) -> Result<BTreeMap<(String, String), (u32, i64)>> {
    let mut all: BTreeMap<(String, String), Vec<(u32, i64)>> = BTreeMap::new();
    for topic in contract::TOPICS {
        // Commands are what was sent, and requests for lines tell an order of things, not what came of them.
        if !matches!(topic.kind, "fact" | "reply" | "dead-letter") {
            continue;
        }
        let (number, partitions) = log.topic(topic.name)?;
        for partition in 0..partitions {
            for message in log.read(number, partition, 0, usize::MAX)? {
                let record = if topic.kind == "dead-letter" { "dead letter" } else { message.header(headers::RECORD) };
                all.entry((topic.name.to_owned(), record.to_owned())).or_default().push((partition, message.offset));
            }
        }
    }
    Ok(all.into_iter().map(|(name, places)| (name, places[places.len() / 2])).collect())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?
        } else {
            fs::copy(entry.path(), target).map(drop)?
        }
    }
    Ok(())
}

fn verify(folder: &Path, manifest: &Path, name: &str) -> Result<Orderflow> {
    let (folder, manifest) = (text(folder)?, text(manifest)?);
    let args = ["verify", "--embedded", folder, "--manifest", manifest, "--patience", "3", "--json"];
    let mut process = Orderflow::new(name, PathBuf::from(folder).join("verify"), args)?;
    process.start()?;
    Ok(process)
}

/// Whether the verdict on a copy of the log without this record is that laws are broken.
fn noticed(kept: &Path, copied: &Path, (name, place): (&(String, String), &(u32, i64))) -> Result<()> {
    copy(&kept.join("log"), &copied.join("log"))?;
    let log = open(copied)?;
    let (topic, _) = log.topic(&name.0)?;
    ensure!(log.forget(topic, place.0, place.1)?, "{name:?} at {place:?} was not there");
    log.flush()?;
    drop(log);
    let ended = verify(copied, &kept.join("manifest.json"), &name.1)?.wait(Duration::from_secs(300))?.expect(1)?;
    ensure!(ended.err.contains("error[law-broken]"), "{}", ended.err);
    println!("{:<20} {:<20} {}", name.0, name.1, ended.json()?["broken"]);
    Ok(())
}

#[test]
fn crash_one_record_missing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let kept = folder.path().join("kept");
    let demo = ["demo", "--keep", text(&kept)?, "--scale", "0.001", "--scarce", "0.1", "--late", "0.1", "--json"];
    let mut demo = Orderflow::new("demo", folder.path().join("demo"), demo)?;
    demo.start()?;
    demo.wait(Duration::from_secs(300))?.expect(0)?;
    let whole = verify(&kept, &kept.join("manifest.json"), "whole")?.wait(Duration::from_secs(300))?.expect(0)?;
    ensure!(whole.json()?["holds"] == true, "{}", whole.out);

    let samples = samples(&open(&kept)?)?;
    ensure!(samples.len() >= 20, "the demo made no more than {:?}", samples.keys());
    let samples: Vec<_> = samples.iter().enumerate().collect();
    let mut unnoticed = Vec::new();
    for some in samples.chunks(AT_A_TIME) {
        thread::scope(|scope| {
            let threads: Vec<_> = some
                .iter()
                .map(|(at, sample)| {
                    let (kept, copied) = (&kept, folder.path().join(format!("copy-{at}")));
                    scope.spawn(move || {
                        let done = noticed(kept, &copied, *sample);
                        done.with_context(|| format!("without one {} of {}", sample.0.1, sample.0.0))
                    })
                })
                .collect();
            unnoticed.extend(threads.into_iter().filter_map(|thread| thread.join().expect("no panic").err()));
        });
    }
    let unnoticed: Vec<String> = unnoticed.iter().map(|error| format!("{error:#}")).collect();
    ensure!(unnoticed.is_empty(), "{}", unnoticed.join("\n\n"));
    Ok(())
}
