//! The documents of `catalog export`, judged by programs that we did not write.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use catalog::{Catalog, Document, export};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The AsyncAPI documents of this checkout: YAML, JSON.
fn documents() -> Result<[String; 2]> {
    let catalog = Catalog::load(&root()).map_err(|problems| anyhow::anyhow!("{problems:#?}"))?;
    let mut files = export(&catalog, &[Document::AsyncApi], "1.2.3", &[("ticket", contract::TICKET_RULE)]).into_iter();
    let mut next = || files.next().map(|(_, text)| text).context("a document is missing");
    Ok([next()?, next()?])
}

/// What the AsyncAPI Initiative's parser says of these files, in one run: it takes a second to load.
fn judge(files: &[(String, String)]) -> Result<Output> {
    let folder = tempfile::tempdir()?;
    for (name, text) in files {
        fs::write(folder.path().join(name), text)?;
    }
    let script = root().join("tests/servers/asyncapi.sh").canonicalize()?;
    let names = files.iter().map(|(name, _)| name);
    Ok(Command::new(script).arg("run").args(names).current_dir(folder.path()).output()?)
}

#[test]
fn asyncapi_is_valid_and_a_mistake_is_not() -> Result<()> {
    let [yaml, json] = documents()?;
    let fine = judge(&[("fine.yaml".into(), yaml.clone()), ("fine.json".into(), json)])?;
    let said = String::from_utf8_lossy(&fine.stdout).into_owned();
    ensure!(fine.status.success(), "{said}{}", String::from_utf8_lossy(&fine.stderr));
    let (channels, messages) = (yaml.matches("\n    address: ").count(), yaml.matches("schemaFormat: ").count());
    ensure!(channels > 0 && messages > channels, "{channels} channels, {messages} messages");
    for name in ["fine.yaml", "fine.json"] {
        let line = said.lines().find(|line| line.starts_with(name)).with_context(|| said.clone())?;
        ensure!(line.contains("AsyncAPI 3.0.0"), "{line}");
        ensure!(
            line.contains(&format!("{channels} channels")) && line.ends_with(&format!("{messages} messages")),
            "{line}"
        );
    }

    // Each of these must be seen, or the judge sees nothing: a word, a reference, a binding, a type inside of Avro.
    let mistakes = [
        ("action: receive", "action: obtain", "allowed values"),
        ("/messages/PlaceOrder\"", "/messages/PlacedOrder\"", "invalid-ref"),
        ("partitions: 12", "partitions: twelve", "partitions"),
        ("type: orderflow.Uuid", "type: orderflow.Uid", "orderflow.Uid"),
        ("avro+json;version=1.9.0", "avro+json;version=9", "is not Avro's"),
    ];
    let mut files = Vec::new();
    for (at, (from, to, _)) in mistakes.iter().enumerate() {
        ensure!(yaml.contains(from), "the document has no \"{from}\" any more: plant another mistake");
        files.push((format!("mistake-{at}.yaml"), yaml.replacen(from, to, 1)));
    }
    let wrong = judge(&files)?;
    let said = String::from_utf8_lossy(&wrong.stdout).into_owned();
    ensure!(wrong.status.code() == Some(1), "{said}{}", String::from_utf8_lossy(&wrong.stderr));
    for ((name, _), (_, _, words)) in files.iter().zip(mistakes) {
        let mut lines = said.lines().filter(|line| line.starts_with(name.as_str()));
        ensure!(lines.any(|line| line.contains(": error") && line.contains(words)), "{name}: \"{words}\" in\n{said}");
    }
    Ok(())
}
