//! A handler in a process of its own.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use crate::Failure;
use crate::host::{self, Seen};

/// Killed when dropped.
pub(crate) struct Serving {
    process: Child,
    pub(crate) address: String,
    pub(crate) seen: Arc<Seen>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Serving {
    pub(crate) async fn start(peer: &str) -> Result<Self, Failure> {
        let (adapter, seen) = host::adapter().await?;
        let mut process = Command::new(env::current_exe()?)
            .args(["--serve", peer, &adapter])
            .stdout(Stdio::piped())
            .spawn()?;
        let out = process.stdout.take();
        let serving = tokio::task::spawn_blocking(move || {
            let mut address = String::new();
            if let Some(out) = out {
                BufReader::new(out).read_line(&mut address)?;
            }
            Ok::<_, std::io::Error>(address)
        });
        let address = serving.await??.trim().to_owned();
        Ok(Self { process, address, seen })
    }

    /// Nanoseconds that its threads have run, as the scheduler counts them.
    pub(crate) fn processor_time(&self) -> Result<u64, Failure> {
        let mut sum = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.process.id()))? {
            let text = fs::read_to_string(thread?.path().join("schedstat"))?;
            sum += text.split_whitespace().next().unwrap_or("0").parse::<u64>()?;
        }
        Ok(sum)
    }

    /// The most that it has had resident, in KiB.
    pub(crate) fn peak_memory(&self) -> Result<u64, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        Ok(line.and_then(|line| line.split_whitespace().next()).unwrap_or("0").parse()?)
    }
}
