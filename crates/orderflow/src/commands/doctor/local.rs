//! What can be checked without a broker: this binary, the folder of the stores, an instance that listens.

use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;

use engine::shell::kafka::leader_hints_are_dropped;

use super::Check;
use crate::processors;

/// An instance answers at once; a network may take a moment.
const ANSWER: Duration = Duration::from_secs(10);

/// Whether a restart of a broker can crash this process (docs/adr/0008).
pub fn binary() -> Check {
    let version = env!("CARGO_PKG_VERSION");
    if leader_hints_are_dropped() {
        return Check::ok("binary", format!("orderflow {version}, linked so that a broker's restart cannot crash it"));
    }
    let what = format!("orderflow {version} is linked without --wrap: a broker that restarts can crash it");
    Check::fail("binary", what, "build with the repository's .cargo/config.toml, and without RUSTFLAGS")
}

/// Whether stores can be kept in this folder.
pub fn data(folder: &Path) -> Check {
    let shown = folder.display();
    let there = folder.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("."));
    if let Err(error) = tempfile::tempfile_in(there) {
        let what = format!("folder \"{}\" cannot be written: {error}", there.display());
        return Check::fail("data", what, "give it to this user, or name another folder with --data");
    }
    if there != folder {
        return Check::ok("data", format!("folder \"{shown}\" does not exist yet; the first start makes it"));
    }
    let used: Vec<&str> = processors::ALL.iter().map(|known| known.name()).filter(|name| used(folder, name)).collect();
    match used.as_slice() {
        [] => Check::ok("data", format!("folder \"{shown}\" can be written, and no instance uses it")),
        names => {
            let what = format!("folder \"{shown}\" is in use by {} on this machine", names.join(", "));
            Check::ok("data", format!("{what}; another instance needs a --data of its own"))
        }
    }
}

/// Whether a process holds the store of this processor: sled locks its file.
fn used(folder: &Path, processor: &str) -> bool {
    let held = File::open(folder.join(processor).join("state/db")).map(|file| file.try_lock());
    matches!(held, Ok(Err(TryLockError::WouldBlock)))
}

/// Whether an instance has restored all that it was assigned.
pub fn ready(address: &str) -> Check {
    let check = "ready";
    match status(address) {
        Ok(200) => Check::ok(check, format!("{address} is ready")),
        Ok(503) => {
            let next =
                "its log says what it waits for; a restore can take minutes, a broker that does not answer longer";
            Check::fail(check, format!("{address} is alive and not ready"), next)
        }
        Ok(code) => Check::fail(check, format!("{address} answers {code}"), "is this an `orderflow run --listen`?"),
        Err(error) => {
            Check::fail(check, format!("{address}: {error}"), "`orderflow run … --listen HOST:PORT` listens there")
        }
    }
}

fn status(address: &str) -> std::io::Result<u16> {
    let unknown = || std::io::Error::other("no such address");
    let at = address.to_socket_addrs()?.next().ok_or_else(unknown)?;
    let mut stream = TcpStream::connect_timeout(&at, ANSWER)?;
    stream.set_read_timeout(Some(ANSWER))?;
    write!(stream, "GET /readyz HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(4_096).read_to_string(&mut answer)?;
    let code = answer.split(' ').nth(1).and_then(|code| code.parse().ok());
    code.ok_or_else(|| std::io::Error::other("its answer is not HTTP"))
}
