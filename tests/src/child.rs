//! A server process with a folder, a port and a lifeline: when the test process ends, however it ends, so does the server.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::wait::eventually;

/// Becomes the server by `exec`, after leaving a watcher behind that reads a pipe whose other end only the test process
/// holds. The pipe ends when that process does, be it by SIGKILL; the watcher then kills the server and removes its
/// folder. (PR_SET_PDEATHSIG would not do: it fires when the *thread* that started the server ends, and a shared
/// server outlives the test that asked for it first.) The watcher is in the server's process group, whose number is the
/// server's PID and is not given away while the group has a member: it cannot hit a stranger.
const LIFELINE: &str = r#"
exec 3<&0 </dev/null
( read -r order <&3; kill -KILL $$ 2>/dev/null
  if [ "$order" != keep ]; then rm -rf "$1" || rm -rf "$1"; fi ) &
exec 3<&-
shift
exec "$@"
"#;

/// Starts a program that dies with the test process; `folder` is removed then, too.
pub(crate) fn spawn(folder: &Path, program: &OsStr, args: &[&OsStr], out: &File, err: &File) -> Result<Child> {
    Command::new("sh")
        .args(["-c", LIFELINE, "lifeline"])
        .arg(folder)
        .arg(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(out.try_clone()?)
        .stderr(err.try_clone()?)
        // A group of its own: see LIFELINE. It also keeps a Ctrl-C from reaching the server before the test.
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot run {}", Path::new(program).display()))
}

/// Asks a process to end.
pub(crate) fn terminate(child: &Child) -> Result<()> {
    let pid = child.id().to_string();
    let status = Command::new("kill").args(["-TERM", &pid]).status()?;
    ensure!(status.success(), "cannot signal PID {pid}");
    Ok(())
}

/// One server started by a script of `tests/servers`, as `SCRIPT VERB DIR PORT MORE`.
pub(crate) struct Server {
    script: PathBuf,
    verb: &'static str,
    /// What follows the port.
    pub(crate) more: Vec<String>,
    port: u16,
    /// `None` only while dropping.
    folder: Option<TempDir>,
    child: Option<Child>,
}

impl Server {
    /// What `SCRIPT run` starts; it does not run yet and has a new folder and a free loopback port.
    pub(crate) fn new(script: &str) -> Result<Server> {
        Server::of(script, "run", Vec::new())
    }

    /// What another verb of the script starts.
    pub(crate) fn of(script: &str, verb: &'static str, more: Vec<String>) -> Result<Server> {
        let folder = tempfile::Builder::new().prefix("orderflow-").tempdir().context("no temporary folder")?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("servers").join(script);
        Ok(Server { script, verb, more, port: free_port()?, folder: Some(folder), child: None })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.as_ref().expect("the folder lives as long as the server").path()
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.folder().join("server.log")
    }

    /// Starts the process and waits until `ready` says so; the error of a server that does not come up ends with its log.
    pub(crate) fn start(&mut self, limit: Duration, mut ready: impl FnMut() -> Result<bool>) -> Result<()> {
        ensure!(self.child.is_none(), "{} runs already", self.name());
        let port = self.port.to_string();
        let data = self.folder().join("data");
        let mut args = vec![OsStr::new(self.verb), data.as_os_str(), OsStr::new(&port)];
        args.extend(self.more.iter().map(OsStr::new));
        let log = File::options().create(true).append(true).open(self.log())?;
        let child = spawn(self.folder(), self.script.as_os_str(), &args, &log, &log)?;
        self.child = Some(child);
        let up = eventually(&format!("{} to answer on port {}", self.name(), self.port), limit, || {
            if let Some(status) = self.child.as_mut().expect("just started").try_wait()? {
                bail!("{} ended while starting: {status}", self.name());
            }
            Ok(ready()?.then_some(()))
        });
        if let Err(error) = up {
            self.kill()?;
            return Err(error.context(format!("end of its log:\n{}", self.log_tail(30))));
        }
        Ok(())
    }

    /// SIGKILL, as a crash or a lost machine: nothing is flushed, nothing is said. Returns when the process is gone.
    pub(crate) fn kill(&mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else {
            return Ok(());
        };
        child.kill()?;
        release(&mut child);
        child.wait()?;
        Ok(())
    }

    /// SIGTERM, as a rolling restart. Returns when the process is gone; kills it and fails if that takes two minutes.
    pub(crate) fn stop(&mut self) -> Result<()> {
        let Some(child) = self.child.as_mut() else {
            return Ok(());
        };
        terminate(child)?;
        let gone = eventually("a stopped server to end", Duration::from_secs(120), || Ok(child.try_wait()?));
        self.kill()?;
        gone.map(drop).with_context(|| format!("{} ignored SIGTERM", self.name()))
    }

    fn name(&self) -> String {
        self.script.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }

    fn log_tail(&self, lines: usize) -> String {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let all: Vec<&str> = log.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.kill();
        // A failing test's server has something to tell.
        if std::thread::panicking()
            && let Some(folder) = self.folder.take()
        {
            eprintln!("{}: data and log kept in {}", self.name(), folder.keep().display());
        }
    }
}

/// Sends the watcher home without removing the folder. It may be gone already, hence no error.
pub(crate) fn release(child: &mut Child) {
    if let Some(mut lifeline) = child.stdin.take() {
        let _ = lifeline.write_all(b"keep\n");
    }
}

/// A loopback port that nobody listens on and the kernel does not hand out (it starts at 32768): a client that keeps
/// trying the port of a killed broker could otherwise connect to itself and hold the port.
pub(crate) fn free_port() -> Result<u16> {
    reserve(15_000)
}

/// One of 5,000 ports from `lowest` on that nobody listens on. Between this look and a server's own bind lie seconds, and
/// a stopped server's port must stay free: UDP's port of the same number, held until this process ends, keeps all other
/// test processes away.
pub(crate) fn reserve(lowest: u16) -> Result<u16> {
    static TRIED: AtomicU16 = AtomicU16::new(0);
    // Processes that run at the same time begin at different places.
    let first = (std::process::id() % 500) as u16 * 10;
    for _ in 0..200 {
        let port = lowest + (first + TRIED.fetch_add(1, Ordering::Relaxed)) % 5_000;
        let Ok(held) = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)) else { continue };
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            std::mem::forget(held);
            return Ok(port);
        }
    }
    bail!("no free port between {lowest} and {}", lowest + 4_999)
}
