//! What can go wrong with a registry: which object, why, and what to do.

use std::path::PathBuf;

/// None of these ever holds a user or a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    #[error("schema registry URL \"{url}\": {reason}; hint: {hint}")]
    Url { url: String, reason: String, hint: &'static str },

    /// It gave no answer of its own: refused connection, timeout, 5xx, refused credentials, something that is no registry.
    #[error(
        "schema registry \"{registry}\", {object}: {reason}; hint: check that it runs and that URL and credentials are right"
    )]
    Unreachable { registry: String, object: String, reason: String },

    /// 409: the subject's compatibility level forbids this schema.
    #[error(
        "schema registry \"{registry}\", subject \"{subject}\": incompatible: {message}; \
         hint: `orderflow schema review --against registry` says what breaks whom"
    )]
    Incompatible { registry: String, subject: String, message: String },

    /// 422: no Avro, or the registry takes no writes.
    #[error(
        "schema registry \"{registry}\", subject \"{subject}\": refused: {message}; hint: the message is the registry's own"
    )]
    Refused { registry: String, subject: String, message: String },

    /// The registry has the id, but what stands behind it is no self-contained Avro record.
    #[error("schema registry \"{registry}\", schema id {id}: {reason}; hint: find who writes with this id")]
    Unusable { registry: String, id: u32, reason: String },

    /// The registry answers, and lacks what we would write with.
    #[error(
        "refuse to start: schema registry \"{registry}\" has no schema for {}; \
         hint: `orderflow topics apply --registry URL` registers them",
        quoted(subjects)
    )]
    Missing { registry: String, subjects: Vec<String> },

    /// The registry does not answer, and the lock file does not stand in for it.
    #[error(
        "schema registry \"{registry}\" does not answer ({reason}) and lock file \"{}\" {lack}; \
         hint: start the registry, or run once with it",
        lock.display()
    )]
    LockIncomplete { registry: String, reason: String, lock: PathBuf, lack: String },

    #[error(
        "the thread that asks schema registry \"{registry}\" did not start: {reason}; hint: look at the limits of this process"
    )]
    Thread { registry: String, reason: String },
}

/// `"a", "b"`.
pub(super) fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}
