//! Opening a sled Db: whose lock is held, and for how long that may be nobody.

use std::path::Path;
use std::time::{Duration, Instant};

/// How long a lock may outlive its owner. A process that is being started inherits every lock of the one that starts it, from
/// its fork until it runs; on a busy machine that takes a while.
const LOCKED: Duration = Duration::from_secs(5);

/// Opens or creates a Db that may use `cache` bytes of memory for caching.
pub(super) fn open(path: &Path, cache: u64) -> sled::Result<sled::Db> {
    open_within(path, cache, LOCKED)
}

fn open_within(path: &Path, cache: u64, patience: Duration) -> sled::Result<sled::Db> {
    let config = sled::Config::new().path(path).cache_capacity(cache).flush_every_ms(Some(500));
    let began = Instant::now();
    loop {
        match config.open() {
            Err(error) if is_locked(&error) && began.elapsed() < patience => {
                std::thread::sleep(Duration::from_millis(20));
            }
            opened => return opened,
        }
    }
}

/// Whether somebody else has the Db open.
pub(super) fn is_locked(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(io) if io.to_string().contains("could not acquire lock") || io.kind() == std::io::ErrorKind::WouldBlock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_given_back_is_waited_for_and_one_that_is_held_is_not_for_ever() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("db");
        let held = open(&path, 1 << 20).expect("a fresh folder");
        let refused = open_within(&path, 1 << 20, Duration::from_millis(50)).expect_err("it is held");
        assert!(is_locked(&refused), "{refused}");
        let (sent, received) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            let path = &path;
            scope.spawn(move || {
                sent.send(()).expect("the other thread waits");
                let opened = open_within(path, 1 << 20, Duration::from_secs(300));
                assert!(opened.is_ok(), "{opened:?}");
            });
            received.recv().expect("the other thread runs");
            std::thread::sleep(Duration::from_millis(50));
            drop(held);
        });
    }
}
