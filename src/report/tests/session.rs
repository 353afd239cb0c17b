//! A run as a test tells it, and the terminal that shows it.

use super::*;

/// A run at a terminal at which nothing takes any time.
pub(super) struct Session {
    reporter: Reporter,
    task: ReportTask,
    pub(super) screen: Screen,
}

impl Session {
    pub(super) fn new(yes: bool) -> Self {
        let (io, screen) = Screen::open(TERMINAL);
        let now = DateTime::parse_from_rfc3339("2023-02-28T17:36:31-05:00").unwrap();
        let (reporter, task) = start_with(io, Arc::new(move || now), yes, false);
        Self {
            reporter,
            task,
            screen,
        }
    }

    pub(super) fn emit(&self, kind: EventKind) -> &Self {
        self.reporter.emit(kind);
        self
    }

    pub(super) fn selected(&self, allocations: usize) -> &Self {
        self.emit(EventKind::Selected { allocations })
    }

    pub(super) fn batch(&self, number: usize, allocations: usize) -> &Self {
        self.emit(EventKind::BatchStarted {
            number,
            of: number,
            allocations,
            size: allocations.max(2),
        })
    }

    pub(super) fn starts(&self, allocation: &str) -> &Self {
        self.emit(started(allocation))
    }

    pub(super) fn reschedules(&self, allocation: &str) -> &Self {
        self.emit(EventKind::AllocationStarted {
            allocation: allocation.into(),
            group: "web".to_owned(),
            what: Target::Reschedule,
        })
    }

    pub(super) fn pauses(&self, millis: u64) -> &Self {
        self.emit(EventKind::Pausing {
            pause: Duration::from_millis(millis),
        })
    }

    pub(super) async fn asks(&self, question: Question, typed: &str) -> Answer {
        self.screen.type_text(typed);
        self.reporter.ask(question).await
    }

    pub(super) fn finishes(&self, how: Ending, errors: &[RunError], summary: Summary) -> &Self {
        self.emit(EventKind::Finished(Finish {
            how,
            cause: None,
            errors: errors.to_vec(),
            summary,
            resume: Some(
                "nomad-restart -batch-wait=10s -started-before=2023-02-28T22:36:29Z web".to_owned(),
            ),
        }))
    }

    /// Without blanks at the ends of lines.
    pub(super) fn shown(self) -> String {
        assert_eq!(self.task.finish(), OutputState::Fine);
        let shown = self.screen.shown();
        let lines: Vec<_> = shown.lines().map(str::trim_end).collect();
        lines.join("\n")
    }
}

pub(super) fn boom(allocation: &str) -> RunError {
    error(allocation, "Unexpected response code: 500 (boom)")
}

/// The fates in the order done, failed, untouched.
pub(super) fn summary(done: &[&str], failed: &[&str], untouched: &[&str]) -> Summary {
    let ids = |ids: &[&str]| ids.iter().copied().map(Into::into).collect::<Vec<_>>();
    Summary {
        eligible: done.len() + failed.len() + untouched.len(),
        done: ids(done),
        failed: ids(failed),
        untouched: ids(untouched),
        ..Summary::default()
    }
}
