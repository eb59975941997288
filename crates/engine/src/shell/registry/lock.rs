//! The lock file: the ids that a registry gave, kept for the starts at which it does not answer.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::WireSchema;

/// JSON, sorted, so that two runs write the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lock {
    /// Without credentials.
    pub registry: String,
    pub schemas: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Entry {
    pub subject: String,
    /// 16 hex digits, as in the record header of this name.
    pub fingerprint: String,
    pub id: u32,
}

impl Entry {
    pub(super) fn new(wire: &WireSchema<'_>, id: u32) -> Entry {
        Entry { subject: wire.subject.to_owned(), fingerprint: hex(wire.fingerprint), id }
    }
}

impl Lock {
    /// `None` for a file that is not there.
    pub(super) fn read(path: &Path) -> io::Result<Option<Lock>> {
        match fs::read(path) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn id(&self, wire: &WireSchema<'_>) -> Option<u32> {
        let fingerprint = hex(wire.fingerprint);
        let found = self.schemas.iter().find(|entry| entry.subject == wire.subject && entry.fingerprint == fingerprint);
        found.map(|entry| entry.id)
    }

    /// Adds what this registry just said to what the file holds of it already: processors share the file.
    pub(super) fn update(path: &Path, registry: &str, answered: Vec<Entry>) -> io::Result<()> {
        let folder = folder(path);
        fs::create_dir_all(&folder)?;
        // Two processors that start together must not lose each other's entries. Where the file system has no locks,
        // the next start heals it.
        let held = File::open(&folder).and_then(|folder| folder.lock().map(|()| folder)).ok();
        let before = Lock::read(path).unwrap_or_else(|error| {
            tracing::warn!(lock = %path.display(), "lock file unreadable, written anew: {error}");
            None
        });
        if let Some(before) = &before
            && before.registry != registry
        {
            tracing::warn!(lock = %path.display(), "lock file of registry \"{}\" replaced by that of \"{registry}\"", before.registry);
        }
        let same = before.as_ref().filter(|before| before.registry == registry);
        let mut schemas = answered;
        for entry in same.iter().flat_map(|before| &before.schemas) {
            match schemas.iter().find(|new| new.subject == entry.subject && new.fingerprint == entry.fingerprint) {
                None => schemas.push(entry.clone()),
                Some(new) if new.id != entry.id => tracing::warn!(
                    subject = entry.subject,
                    "schema id was {} and is now {}; hint: if \"{registry}\" was set up anew, records with old ids cannot be read",
                    entry.id,
                    new.id
                ),
                Some(_) => {}
            }
        }
        schemas.sort();
        schemas.dedup();
        let lock = Lock { registry: registry.to_owned(), schemas };
        // A lock file in a read-only volume is as good, as long as it is right.
        if before.as_ref() != Some(&lock) {
            lock.write(path, &folder)?;
        }
        drop(held);
        Ok(())
    }

    fn write(&self, path: &Path, folder: &Path) -> io::Result<()> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let new = folder.join(format!(".{name}.{}", uuid::Uuid::new_v4().simple()));
        let written = File::create_new(&new).and_then(|mut file| {
            serde_json::to_writer_pretty(&mut file, self)?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            fs::rename(&new, path)
        });
        if written.is_err() {
            // It may not exist; what failed is the error above.
            let _ = fs::remove_file(&new);
        }
        written
    }
}

fn folder(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn hex(fingerprint: u64) -> String {
    format!("{fingerprint:016x}")
}
