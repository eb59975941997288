//! Calls of handlers, in which a panic is a bug of the handler and ends nothing.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static WITHIN: Cell<bool> = const { Cell::new(false) };
}

/// Calls a handler and catches its panic.
pub(super) fn guarded<R>(handler: impl FnOnce() -> R) -> Result<R, Box<dyn Any + Send>> {
    WITHIN.set(true);
    let outcome = catch_unwind(AssertUnwindSafe(handler));
    WITHIN.set(false);
    outcome
}

/// Whether this thread is in a handler: a panic hook asks, which ends the process for every other panic.
pub fn in_handler() -> bool {
    WITHIN.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_in_a_handler_until_it_returns_or_panics() {
        assert!(!in_handler());
        assert_eq!(guarded(in_handler).ok(), Some(true));
        assert!(!in_handler());
        assert!(guarded(|| panic!("a bug")).is_err());
        assert!(!in_handler(), "what comes after is no handler's");
    }
}
