//! The Python example of docs/CLIENTS.md, with the clients that it names: nothing of it is ours but what a sender decides.

use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context, Result};

/// Runs the example, or with `-c` a program beside it, in this environment; its released schemas are those of this checkout.
pub fn python_example(args: &[&str], environment: &[(&str, &str)]) -> Result<Output> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let folder = root.join("docs/examples/clients/python");
    Command::new(root.join("tests/servers/python-clients.sh"))
        .arg("run")
        .args(args)
        .current_dir(&folder)
        .env("SCHEMAS", root.join("schemas/released"))
        .envs(environment.iter().copied())
        .output()
        .with_context(|| format!("cannot run a client in {}", folder.display()))
}
