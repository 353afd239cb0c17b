//! The program that is measured: how it is called, and what it costs the machine.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::{self, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::rows::{Mode, Row};

/// Pause between two looks at the memory of the process.
const LOOK: Duration = Duration::from_millis(5);

/// What is called.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) name: &'static str,
    pub(crate) is_ours: bool,
    program: OsString,
    words: Vec<String>,
}

/// What a process was and cost.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stderr: String,
    pub(crate) wall: Duration,
    /// User and system time of all its threads; `None` where the system does not tell.
    pub(crate) cpu: Option<Duration>,
    /// Bytes; `None` where the system does not tell.
    pub(crate) peak_memory: Option<u64>,
}

impl Command {
    /// The program of this package or another build of it, with these further arguments.
    pub(crate) fn ours(program: Option<&str>, with: &[String]) -> Self {
        Self {
            name: "nomad-restart",
            is_ours: true,
            program: program
                .unwrap_or(env!("CARGO_BIN_EXE_nomad-restart"))
                .into(),
            words: with.to_vec(),
        }
    }

    /// `nomad job restart`, if there is a `nomad` on the `PATH`.
    pub(crate) fn peer() -> Option<Self> {
        let path = std::env::var_os("PATH")?;
        let found = std::env::split_paths(&path)
            .map(|directory| directory.join("nomad"))
            .find(|file| file.is_file())?;
        Some(Self {
            name: "nomad",
            is_ours: false,
            program: found.into(),
            words: vec!["job".to_owned(), "restart".to_owned()],
        })
    }

    /// Runs it against this address and waits for its end.
    pub(crate) fn run(&self, row: &Row, address: &str) -> Result<Ended, String> {
        let mut command = process::Command::new(&self.program);
        command.args(&self.words);
        command.args(["-yes", "-on-error=fail"]);
        command.arg(format!("-batch-size={}", row.batch));
        if row.mode == Mode::Reschedule {
            command.arg("-reschedule");
        }
        if row.window {
            command.arg("-batch-mode=window");
        }
        command.arg(crate::simulated::JOB);
        command.env_clear().env("NOMAD_ADDR", address);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let failed = |error: &dyn std::fmt::Display| {
            format!("cannot run {}: {error}", self.program.display())
        };
        let stderr = tempfile::NamedTempFile::new().map_err(|error| failed(&error))?;
        command.stderr(stderr.reopen().map_err(|error| failed(&error))?);

        let began = Instant::now();
        let mut child = command.spawn().map_err(|error| failed(&error))?;
        let proc = Proc::of(child.id());
        let mut peak_memory = None;
        while !proc.has_ended(&mut child).map_err(|error| failed(&error))? {
            peak_memory = peak_memory.max(proc.peak_memory());
            std::thread::sleep(LOOK);
        }
        let wall = began.elapsed();
        // As long as nobody has waited for it, its times are still there.
        let cpu = proc.cpu();
        let status = child.wait().map_err(|error| failed(&error))?;
        let mut text = String::new();
        // What it said is told to whoever reads the report; without it the figures are what they are.
        let _best_effort = stderr
            .reopen()
            .and_then(|mut file: File| file.read_to_string(&mut text));
        Ok(Ended {
            status,
            stderr: text,
            wall,
            cpu,
            peak_memory,
        })
    }
}

/// What Linux tells of a process.
#[derive(Debug)]
struct Proc(PathBuf);

impl Proc {
    fn of(id: u32) -> Self {
        Self(PathBuf::from(format!("/proc/{id}")))
    }

    /// Whether it has ended, without forgetting it where its figures are still to be read.
    fn has_ended(&self, child: &mut process::Child) -> std::io::Result<bool> {
        match self.stat() {
            Some(stat) => Ok(stat.first().is_some_and(|state| state == "Z")),
            None => Ok(child.try_wait()?.is_some()),
        }
    }

    /// The fields of `stat` behind the name, which may hold anything: the state first.
    fn stat(&self) -> Option<Vec<String>> {
        let text = std::fs::read_to_string(self.0.join("stat")).ok()?;
        let (_, fields) = text.rsplit_once(')')?;
        Some(fields.split_whitespace().map(str::to_owned).collect())
    }

    fn cpu(&self) -> Option<Duration> {
        let stat = self.stat()?;
        // utime and stime, counted from the state, in hundredths of a second.
        let ticks = |field: usize| stat.get(field)?.parse::<u64>().ok();
        Some(Duration::from_millis((ticks(11)? + ticks(12)?) * 10))
    }

    fn peak_memory(&self) -> Option<u64> {
        let text = std::fs::read_to_string(self.0.join("status")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kibibytes * 1024)
    }
}

/// CPU time of this process so far: what the simulator costs.
pub(crate) fn own_cpu() -> Option<Duration> {
    Proc(PathBuf::from("/proc/self")).cpu()
}
