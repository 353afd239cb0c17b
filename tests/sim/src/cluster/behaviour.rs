//! How the processes of a task behave: from the driver's configuration in the job specification,
//! from the extra key `simulate` in it, or set by a test.

/// How one process behaves. Absent fields keep what a more general rule says.
/// Durations in nanoseconds.
///
/// # In the job specification
/// `mock_driver` tasks understand Nomad's own keys: `run_for`, `exit_code`, `exit_signal`,
/// `exit_err_msg`, `start_block_for`, `start_error`, `start_error_recoverable`, `kill_after`.
/// Durations are Go durations as text. Every driver, `mock_driver` included, understands the extra
/// key `simulate` in `Config`: a list of rules; each has the same keys, and these that say when it applies:
///
/// | key | applies to |
/// |---|---|
/// | `start` | only the nth start of the task in its allocation, the first is 1 |
/// | `start_from` | the nth start and every later one |
/// | `replacement` | `true`: only allocations that replace another; `false`: only those that do not |
/// | `index` | only the allocation with this number in its name |
///
/// Later rules win, key by key. A task that fails after its first restart:
/// `"simulate": [{"start_from": 2, "run_for": "100ms", "exit_code": 3}]`; a replacement that never starts:
/// `"simulate": [{"replacement": true, "start_error": "image not found"}]`.
/// `ignore_signal: true` is a process that only the kill timeout ends, `kill_code` its exit code after
/// the signal, `forever: true` takes an earlier `run_for` back.
///
/// What it answers to checks and what it prints: `listens_after` is how long after its start it
/// accepts connections, `check_code` (a status of HTTP) and `check_output` (a body) are what it answers to
/// HTTP checks, `ill_after` and `ill_for` a time after its start during which checks are bad, `stdout` and `stderr` what it prints when it starts.
///
/// A client that cannot put the key `simulate` into `Config`, because a real driver would refuse it, puts the
/// same rules as JSON text under the key `simulate` of the task's `Meta`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Behaviour {
    /// The driver needs this long to start it.
    pub start_block_for: Option<i64>,
    /// The start fails with this text; `Some("")` starts after all.
    pub start_error: Option<String>,
    /// The failed start is tried again by the restart policy.
    pub start_error_recoverable: Option<bool>,
    /// It exits by itself after this long; `Some(0)` at once.
    pub run_for: Option<i64>,
    /// It runs until it is killed, whatever `run_for` says.
    pub forever: Option<bool>,
    /// Exit code of an exit by itself.
    pub exit_code: Option<i32>,
    /// Signal of an exit by itself.
    pub exit_signal: Option<i32>,
    /// Message of an exit by itself.
    pub exit_err_msg: Option<String>,
    /// It exits this long after the signal, if the kill timeout does not end it before.
    pub kill_after: Option<i64>,
    /// Exit code after the signal; 0 unless set.
    pub kill_code: Option<i32>,
    /// It does not react to the signal.
    pub ignore_signal: Option<bool>,
    /// It accepts connections this long after its start; at once unless set.
    pub listens_after: Option<i64>,
    /// The status of its answers to HTTP checks; 200 unless set.
    pub check_code: Option<u16>,
    /// The body of its answers to HTTP checks.
    pub check_output: Option<String>,
    /// It turns bad this long after its start: checks that are good otherwise get a 503, or no connection.
    pub ill_after: Option<i64>,
    /// It is good again after so long; never unless set.
    pub ill_for: Option<i64>,
    /// What it prints to its standard output when it starts.
    pub stdout: Option<String>,
    /// What it prints to its standard error when it starts.
    pub stderr: Option<String>,
}

impl Behaviour {
    /// Runs until it is killed.
    pub fn runs() -> Self {
        Self {
            forever: Some(true),
            ..Self::default()
        }
    }

    /// Exits by itself after `nanos` with this code.
    pub fn exits_after(nanos: i64, code: i32) -> Self {
        Self {
            run_for: Some(nanos),
            forever: Some(false),
            exit_code: Some(code),
            ..Self::default()
        }
    }

    /// Cannot be started, for good.
    pub fn start_fails(error: &str) -> Self {
        Self {
            start_error: Some(error.to_owned()),
            ..Self::default()
        }
    }

    /// Cannot be started this time; the restart policy tries again.
    pub fn start_fails_recoverably(error: &str) -> Self {
        Self {
            start_error_recoverable: Some(true),
            ..Self::start_fails(error)
        }
    }

    /// Needs `nanos` to start.
    pub fn starts_after(nanos: i64) -> Self {
        Self {
            start_block_for: Some(nanos),
            ..Self::default()
        }
    }

    /// Exits `nanos` after the signal.
    pub fn dies_after(nanos: i64) -> Self {
        Self {
            kill_after: Some(nanos),
            ..Self::default()
        }
    }

    /// Is ended by the kill timeout only.
    pub fn ignores_signal() -> Self {
        Self {
            ignore_signal: Some(true),
            ..Self::default()
        }
    }

    /// What `over` says, and this where it says nothing.
    #[must_use]
    pub fn overridden_by(self, over: &Self) -> Self {
        let over = over.clone();
        Self {
            start_block_for: over.start_block_for.or(self.start_block_for),
            start_error: over.start_error.or(self.start_error),
            start_error_recoverable: over
                .start_error_recoverable
                .or(self.start_error_recoverable),
            // A rule that makes a process end by itself takes back an earlier `forever`.
            forever: over
                .forever
                .or(over.run_for.map(|_| false))
                .or(self.forever),
            run_for: over.run_for.or(self.run_for),
            exit_code: over.exit_code.or(self.exit_code),
            exit_signal: over.exit_signal.or(self.exit_signal),
            exit_err_msg: over.exit_err_msg.or(self.exit_err_msg),
            kill_after: over.kill_after.or(self.kill_after),
            kill_code: over.kill_code.or(self.kill_code),
            ignore_signal: over.ignore_signal.or(self.ignore_signal),
            listens_after: over.listens_after.or(self.listens_after),
            check_code: over.check_code.or(self.check_code),
            check_output: over.check_output.or(self.check_output),
            ill_after: over.ill_after.or(self.ill_after),
            ill_for: over.ill_for.or(self.ill_for),
            stdout: over.stdout.or(self.stdout),
            stderr: over.stderr.or(self.stderr),
        }
    }
}

/// Which processes a rule is about; `None` is any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    pub job: Option<String>,
    pub group: Option<String>,
    pub task: Option<String>,
    /// Allocation id.
    pub allocation: Option<String>,
    /// Number in the allocation's name.
    pub index: Option<u32>,
    /// The nth start of the task in its allocation; the first is 1.
    pub start: Option<u32>,
    /// This start and every later one.
    pub start_from: Option<u32>,
    /// Does the allocation replace another one?
    pub replacement: Option<bool>,
}

/// The process that a selector is held against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process<'a> {
    pub(crate) job: &'a str,
    pub(crate) group: &'a str,
    pub(crate) task: &'a str,
    pub(crate) allocation: &'a str,
    pub(crate) index: u32,
    pub(crate) start: u32,
    pub(crate) replacement: bool,
}

impl Selector {
    /// Every process of this job.
    pub fn job(job: &str) -> Self {
        Self {
            job: Some(job.to_owned()),
            ..Self::default()
        }
    }

    /// Only this task.
    #[must_use]
    pub fn task(mut self, task: &str) -> Self {
        self.task = Some(task.to_owned());
        self
    }

    /// Only this allocation.
    #[must_use]
    pub fn allocation(mut self, id: &str) -> Self {
        self.allocation = Some(id.to_owned());
        self
    }

    /// Only the nth start.
    #[must_use]
    pub fn start(mut self, start: u32) -> Self {
        self.start = Some(start);
        self
    }

    /// The nth start and later ones.
    #[must_use]
    pub fn start_from(mut self, start: u32) -> Self {
        self.start_from = Some(start);
        self
    }

    /// Only allocations that replace another one.
    #[must_use]
    pub fn replacements(mut self) -> Self {
        self.replacement = Some(true);
        self
    }

    pub(crate) fn matches(&self, process: &Process<'_>) -> bool {
        let text = |want: &Option<String>, is: &str| want.as_deref().is_none_or(|w| w == is);
        text(&self.job, process.job)
            && text(&self.group, process.group)
            && text(&self.task, process.task)
            && text(&self.allocation, process.allocation)
            && self.index.is_none_or(|index| index == process.index)
            && self.start.is_none_or(|start| start == process.start)
            && self.start_from.is_none_or(|start| start <= process.start)
            && self.replacement.is_none_or(|r| r == process.replacement)
    }
}

/// A behaviour for some processes.
#[derive(Clone, Debug)]
pub struct Rule {
    pub selector: Selector,
    pub behaviour: Behaviour,
}
