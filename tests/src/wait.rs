//! Waiting for a condition: with a deadline and a reason, never for a fixed time.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Asks `probe` again and again until it says `Some`, and fails, naming `what`, when that takes longer than `limit`.
/// An error of the probe's own ends the wait at once.
pub fn eventually<T>(what: &str, limit: Duration, mut probe: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = probe()? {
            return Ok(found);
        }
        if Instant::now() >= deadline {
            bail!("waited {limit:?} for {what}");
        }
        // The pause between two looks, not a guess at how long the thing takes.
        thread::sleep(Duration::from_millis(10));
    }
}

/// Runs a future to its end on this thread. Enough for rdkafka's admin calls, which a thread of their own completes:
/// a test needs no runtime for them.
pub fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}
