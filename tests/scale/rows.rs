//! The runs that are measured.

use std::fmt;

/// One run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) allocations: u32,
    pub(crate) mode: Mode,
    pub(crate) batch: Batch,
    pub(crate) starts: Starts,
    /// A sliding window of the size of a batch.
    pub(crate) window: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    InPlace,
    Reschedule,
}

/// The value of `-batch-size`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Batch {
    Count(u32),
    Percent(u32),
}

/// How long tasks take to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Starts {
    /// All the same.
    Constant,
    /// Log-normal with σ 0.5 around the same median.
    Lognormal,
    /// The same with σ 1.
    Wide,
}

impl Starts {
    pub(crate) fn sigma(self) -> f64 {
        match self {
            Self::Constant => 0.0,
            Self::Lognormal => 0.5,
            Self::Wide => 1.0,
        }
    }
}

impl Batch {
    /// Allocations in a batch of a run over so many.
    pub(crate) fn of(self, allocations: u32) -> usize {
        let size = match self {
            Self::Count(count) => count,
            Self::Percent(percent) => (allocations * percent).div_ceil(100),
        };
        size.min(allocations) as usize
    }
}

impl Row {
    fn new(allocations: u32, mode: Mode, batch: Batch, starts: Starts) -> Self {
        Self {
            allocations,
            mode,
            batch,
            starts,
            window: false,
        }
    }

    /// The same with a sliding window instead of batches.
    fn in_window(&self) -> Self {
        Self {
            window: true,
            ..self.clone()
        }
    }

    /// Whether all of these are among its words.
    pub(crate) fn has(&self, words: &[String]) -> bool {
        let own = self.to_string();
        words
            .iter()
            .all(|word| own.split_whitespace().any(|it| it == word))
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = match self.mode {
            Mode::InPlace => "in-place",
            Mode::Reschedule => "reschedule",
        };
        let starts = match self.starts {
            Starts::Constant => "constant",
            Starts::Lognormal => "lognormal",
            Starts::Wide => "wide",
        };
        let window = if self.window { " window" } else { "" };
        write!(
            f,
            "{} {mode} {} {starts}{window}",
            self.allocations, self.batch
        )
    }
}

impl fmt::Display for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

const MODES: [Mode; 2] = [Mode::InPlace, Mode::Reschedule];

/// Every combination that differs from the others.
pub(crate) fn all() -> Vec<Row> {
    let batches = [
        Batch::Count(10),
        Batch::Count(50),
        Batch::Count(100),
        Batch::Percent(10),
        Batch::Percent(100),
    ];
    let mut rows = Vec::new();
    for allocations in [10, 100, 1_000, 5_000, 10_000] {
        for mode in MODES {
            let mut sizes = Vec::new();
            for batch in batches {
                let size = batch.of(allocations);
                // One batch of all is the last of the list.
                if sizes.contains(&size)
                    || (size == allocations as usize && batch != Batch::Percent(100))
                {
                    continue;
                }
                sizes.push(size);
                let wide = (allocations, mode, batch) == (100, Mode::InPlace, Batch::Count(10));
                let starts = [Starts::Constant, Starts::Lognormal, Starts::Wide];
                for starts in starts.into_iter().take(if wide { 3 } else { 2 }) {
                    let row = Row::new(allocations, mode, batch, starts);
                    // A window over all of them is one batch.
                    let window = (size < allocations as usize).then(|| row.in_window());
                    rows.push(row);
                    rows.extend(window);
                }
            }
        }
    }
    rows
}

/// A selection that takes a few minutes.
pub(crate) fn some() -> Vec<Row> {
    let mut rows = Vec::new();
    for (allocations, batch, starts) in [
        (100, Batch::Count(10), Starts::Constant),
        (100, Batch::Count(10), Starts::Lognormal),
        (1_000, Batch::Percent(10), Starts::Constant),
        (1_000, Batch::Percent(10), Starts::Lognormal),
        (10_000, Batch::Percent(100), Starts::Constant),
    ] {
        for mode in MODES {
            rows.push(Row::new(allocations, mode, batch, starts));
        }
    }
    // The same number away at once, in batches and in a window.
    for starts in [Starts::Constant, Starts::Lognormal, Starts::Wide] {
        let row = Row::new(100, Mode::InPlace, Batch::Count(10), starts);
        let window = row.in_window();
        if !rows.contains(&row) {
            rows.push(row);
        }
        rows.push(window);
    }
    rows
}

/// For a test: batches that fit the budget of connections and batches that do not, and a window.
pub(crate) fn small() -> Vec<Row> {
    let mut rows = Vec::new();
    for (allocations, batch, starts) in [
        (10, Batch::Count(5), Starts::Lognormal),
        (60, Batch::Percent(100), Starts::Constant),
    ] {
        for mode in MODES {
            rows.push(Row::new(allocations, mode, batch, starts));
        }
    }
    let window = Row::new(10, Mode::InPlace, Batch::Count(3), Starts::Lognormal);
    rows.push(window.in_window());
    rows
}
