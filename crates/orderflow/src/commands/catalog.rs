//! `orderflow catalog export`: the contract as documents.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use catalog::{Catalog, Document, LOCK_FILE, RELEASED_DIR, Rule};
use serde_json::json;

use crate::failure::Failure;

/// The contract as documents
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Writes the event catalogue (Markdown and one HTML page) and the AsyncAPI 3.0 description
    Export {
        /// Folder to write to; made when it is missing
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
        /// What to write
        #[arg(long, value_name = "FORMS", value_delimiter = ',', default_value = "markdown,html,asyncapi")]
        format: Vec<Format>,
        /// Folder with topics.yaml and schemas/; without it, the contract that this binary was built with
        #[arg(long, value_name = "DIR")]
        root: Option<PathBuf>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// catalogue.md
    Markdown,
    /// index.html: everything in one file, works from a disk
    Html,
    /// asyncapi.yaml and asyncapi.json
    Asyncapi,
}

/// What this flow's clients have to do, beside the rules of every flow.
const RULES: &[(&str, &str)] = &[("ticket", contract::TICKET_RULE)];

/// Runs the command.
pub fn run(command: &Command) -> anyhow::Result<()> {
    let Command::Export { to, format, root } = command;
    let catalog = match root {
        Some(root) => load(root)?,
        None => built_in()?,
    };
    let wanted: Vec<Document> = format
        .iter()
        .map(|format| match format {
            Format::Markdown => Document::Markdown,
            Format::Html => Document::Html,
            Format::Asyncapi => Document::AsyncApi,
        })
        .collect();
    let files = catalog::export(&catalog, &wanted, env!("CARGO_PKG_VERSION"), RULES);
    fs::create_dir_all(to).with_context(|| format!("cannot make folder {}", to.display()))?;
    for (name, text) in &files {
        let path = to.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        outln!("{}", path.display());
    }
    Ok(())
}

/// The contract of this binary, with every version that it knows.
pub fn built_in() -> anyhow::Result<Catalog> {
    let entry = |it: &contract::Released| if it.state { format!("state/{}", it.record) } else { it.record.to_owned() };
    let mut files: Vec<(String, String)> =
        contract::SCHEMAS.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let mut lock = Vec::new();
    for it in contract::RELEASED {
        let (record, fingerprint) = (entry(it), format!("{:016x}", it.fingerprint));
        files.push((format!("{RELEASED_DIR}{record}/{}.avsc", it.version), it.text.to_owned()));
        lock.push(json!({ "id": it.local_id, "record": record, "version": it.version, "fingerprint": fingerprint }));
    }
    files.push((LOCK_FILE.to_owned(), json!(lock).to_string()));
    Catalog::parse(contract::TOPICS_YAML, files.into_iter()).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("the contract of this build: {}", lines.join("\n"))
    })
}

/// The contract below a folder; its findings are the error.
pub fn load(root: &Path) -> anyhow::Result<Catalog> {
    Catalog::load(root).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let unreadable = problems.iter().any(|problem| problem.rule == Rule::FileUnreadable);
        if unreadable {
            let hint = "--root names the folder of topics.yaml";
            Failure::unreachable("file-unreadable", lines.join("\n"), hint).into()
        } else {
            Failure::new("lint", lines.join("\n"), "`orderflow topics lint` lists the findings").into()
        }
    })
}

#[cfg(test)]
mod tests {
    use engine::core::{headers, worker};

    use super::*;

    const ALL: [Document; 3] = [Document::Markdown, Document::Html, Document::AsyncApi];

    /// Without a checkout, the documents are those of the checkout that the binary was built from.
    #[test]
    fn the_contract_built_in_gives_the_documents_of_the_checkout() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let documents = |catalog: &Catalog| catalog::export(catalog, &ALL, "1.2.3", RULES);
        let built_in = documents(&built_in().expect("it was linted when it was generated"));
        let checkout = documents(&load(&root).expect("it is correct"));
        for ((name, one), (_, other)) in built_in.iter().zip(&checkout) {
            assert!(one == other, "{name} differs");
        }
        assert_eq!(built_in.len(), checkout.len());
    }

    /// What documents say of the wire is what the engine does.
    #[test]
    fn every_document_says_what_a_client_has_to_do() {
        let catalog = built_in().expect("it was linted when it was generated");
        let hours = worker::AHEAD_MS / 3_600_000;
        assert_eq!(worker::AHEAD_MS % 3_600_000, 0, "say it in another unit");
        let names = [
            headers::EVENT_ID,
            headers::TICKET_ID,
            headers::CAUSE,
            headers::OCCURRED_AT,
            headers::RECORD,
            headers::SCHEMA_VERSION,
            headers::FINGERPRINT,
            headers::CONTENT,
            headers::TRACEPARENT,
        ];
        let facts = [
            contract::TICKET_RULE.to_owned(),
            "partitioner=murmur2_random".to_owned(),
            "4 bytes in big endian".to_owned(),
            format!("at most {} bytes", catalog.record_bytes_max),
            format!("at most {hours} hour ahead"),
            "isolation.level=read_committed".to_owned(),
            "max.in.flight.requests.per.connection=1".to_owned(),
        ];
        for (name, text) in catalog::export(&catalog, &ALL, "1.2.3", RULES) {
            // Lines of YAML may be folded.
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            for fact in &facts {
                assert!(text.contains(fact), "{name} does not say \"{fact}\"");
            }
            for header in names {
                assert!(text.contains(header), "{name} has no header {header}");
            }
        }
    }
}
