//! What goes wrong, as a person sees it: what, which object, why, and the next step.

use std::fmt;

use engine::shell::transport::Fault;

use crate::log;

/// An error with a code and a hint. Exit codes: 1 it did not work, 2 wrong usage, 3 could not be checked or reached.
#[derive(Debug)]
pub struct Failure {
    pub code: &'static str,
    pub what: String,
    pub hint: String,
    pub exit: u8,
}

impl Failure {
    /// Something that did not work.
    pub fn new(code: &'static str, what: impl Into<String>, hint: impl Into<String>) -> Failure {
        Failure { code, what: what.into(), hint: hint.into(), exit: 1 }
    }

    /// Something that could not be reached.
    pub fn unreachable(code: &'static str, what: impl Into<String>, hint: impl Into<String>) -> Failure {
        Failure { exit: 3, ..Failure::new(code, what, hint) }
    }

    /// A command line that makes no sense.
    pub fn usage(code: &'static str, what: impl Into<String>, hint: impl Into<String>) -> Failure {
        Failure { exit: 2, ..Failure::new(code, what, hint) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.what)
    }
}

impl std::error::Error for Failure {}

/// Prints an error to stderr and gives its exit code.
pub fn report(error: &anyhow::Error) -> u8 {
    let fault = error.chain().find_map(|cause| cause.downcast_ref::<Fault>()).map(log::failure);
    let failure = error.chain().find_map(|cause| cause.downcast_ref::<Failure>()).or(fault.as_ref());
    let Some(failure) = failure else {
        eprintln!("error: {error:#}");
        return 1;
    };
    eprintln!("error[{}]: {}", failure.code, failure.what);
    if !failure.hint.is_empty() {
        eprintln!("hint: {}", failure.hint);
    }
    failure.exit
}
