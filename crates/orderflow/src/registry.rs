//! A registry as the commands use it.

use std::path::Path;

use crate::ids::Ids;

/// placeholder until wired
pub fn ids(_url: &str, _lock: &Path) -> anyhow::Result<Ids> {
    anyhow::bail!("registry")
}
/// placeholder until wired
pub fn register(_url: &str) -> anyhow::Result<usize> {
    anyhow::bail!("registry")
}
