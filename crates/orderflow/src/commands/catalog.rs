//! `orderflow catalog export`: the contract as documents.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use catalog::{Catalog, Document, Rule};

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
        /// Folder with topics.yaml and schemas/
        #[arg(long, value_name = "DIR", default_value = ".")]
        root: PathBuf,
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

/// Runs the command.
pub fn run(command: &Command) -> anyhow::Result<()> {
    let Command::Export { to, format, root } = command;
    let catalog = load(root)?;
    let wanted: Vec<Document> = format
        .iter()
        .map(|format| match format {
            Format::Markdown => Document::Markdown,
            Format::Html => Document::Html,
            Format::Asyncapi => Document::AsyncApi,
        })
        .collect();
    let files = catalog::export(&catalog, &wanted, env!("CARGO_PKG_VERSION"));
    fs::create_dir_all(to).with_context(|| format!("cannot make folder {}", to.display()))?;
    for (name, text) in &files {
        let path = to.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        outln!("{}", path.display());
    }
    Ok(())
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
