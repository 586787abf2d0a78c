//! Servers as processes of their own, and what they cost.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// `sysconf(_SC_CLK_TCK)`, which Linux has fixed for all programs.
const TICKS_PER_SECOND: u64 = 100;
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server; it ends when this is dropped.
pub(crate) struct Process {
    child: Child,
    pid: u32,
}

impl Process {
    /// Starts a program whose output goes to a file.
    pub(crate) fn start(program: &Path, arguments: &[String], log: &Path) -> anyhow::Result<Self> {
        let log = File::create(log)?;
        let child = Command::new(program)
            .args(arguments)
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let pid = child.id().context("it ended at once")?;
        Ok(Self { child, pid })
    }

    /// Waits until the program listens on a port.
    pub(crate) async fn until_listening(&mut self, address: SocketAddr) -> anyhow::Result<()> {
        let begun = tokio::time::Instant::now();
        while TcpStream::connect(address).await.is_err() {
            ensure!(self.child.try_wait()?.is_none(), "the server has ended");
            ensure!(begun.elapsed() < PATIENCE, "nobody listens on {address}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    pub(crate) const fn pid(&self) -> u32 {
        self.pid
    }

    /// User and system time that all its threads have used.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.pid))?;
        // The name in brackets may hold anything; the fields that count come after it.
        let (_, fields) = text.rsplit_once(") ").context("an odd /proc/pid/stat")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        let ticks = |place: usize| -> anyhow::Result<u64> {
            Ok(fields.get(place).context("too few fields")?.parse()?)
        };
        let used = ticks(11)? + ticks(12)?;
        Ok(Duration::from_millis(used * 1_000 / TICKS_PER_SECOND))
    }

    /// What it has used since an earlier look.
    pub(crate) fn cpu_since(&self, before: Duration) -> anyhow::Result<Duration> {
        Ok(self.cpu()?.saturating_sub(before))
    }

    /// Resident memory, in bytes.
    pub(crate) fn memory(&self) -> anyhow::Result<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
        let kilobytes: u64 = kilobytes.context("no VmRSS")?.trim().parse()?;
        Ok(kilobytes * 1_024)
    }
}

/// An address on this machine where nobody listens, each time another. Its port lies below those that
/// Linux gives to whoever asks for any, so that nobody else gets it meanwhile.
pub(crate) fn free_address() -> anyhow::Result<SocketAddr> {
    static NEXT: AtomicU16 = AtomicU16::new(20_000);
    loop {
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        ensure!(port < 32_000, "no port is free");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
}

/// User and system time that the calling thread has used.
pub(crate) fn thread_cpu() -> anyhow::Result<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos = text.split(' ').next().context("an odd schedstat")?;
    Ok(Duration::from_nanos(nanos.parse()?))
}

/// Lets this process, and the servers it starts, have so many files and sockets open.
pub(crate) fn raise_open_files(wanted: u64) -> anyhow::Result<()> {
    let (_, hard) = rlimit::Resource::NOFILE.get()?;
    ensure!(
        hard >= wanted,
        "only {hard} files may be open (`ulimit -Hn`), {wanted} are needed: raise the limit, or \
         measure less with --divide and --open-files"
    );
    rlimit::Resource::NOFILE.set(hard, hard)?;
    Ok(())
}
