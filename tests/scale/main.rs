//! How close the program comes to what the cluster allows: the real binary in a process of its own against the simulated cluster behind
//! HTTP in this one, which knows the truth.
//!
//!     cargo bench --bench scale                         a short selection
//!     cargo bench --bench scale -- 1000 reschedule      the rows that have all of these words
//!     cargo bench --bench scale -- --all                everything, which takes hours
//!     cargo bench --bench scale -- --runs=3 10000       each row so often, and the median of each figure
//!
//!     cargo bench --bench scale -- --with=-max-connections=10 100
//!     cargo bench --bench scale -- --program=./nomad-restart-before 1000
//!
//! Where there is a `nomad` on the `PATH` and `--peer` is given, each row is measured with `nomad job restart` too. Without
//! `--bench`, which only `cargo bench` adds, it is a test: a few small rows, everything checked but times.

mod child;
mod figures;
mod rows;
mod simulated;
mod table;

use std::io::{self, Write};
use std::process::ExitCode;

use child::Command;
use figures::Figures;
use rows::Row;

/// What was asked for.
#[derive(Debug, Default)]
struct Options {
    /// Cargo's own flag: this is a measurement.
    bench: bool,
    all: bool,
    peer: bool,
    list: bool,
    runs: Option<usize>,
    /// Instead of the program of this build.
    program: Option<String>,
    /// More arguments for the program.
    with: Vec<String>,
    words: Vec<String>,
}

fn options() -> Result<Options, String> {
    let mut options = Options::default();
    for arg in std::env::args().skip(1) {
        match arg.as_str() {
            "--bench" => options.bench = true,
            // Given by those who run every test target alike.
            "--test" | "--nocapture" => {}
            "--all" => options.all = true,
            "--peer" => options.peer = true,
            "--list" => options.list = true,
            other => match other.split_once('=') {
                Some(("--runs", runs)) => {
                    let runs = runs.parse().map_err(|_| format!("no number: {runs}"))?;
                    options.runs = Some(runs);
                }
                Some(("--with", with)) => options.with.push(with.to_owned()),
                Some(("--program", program)) => options.program = Some(program.to_owned()),
                _ if other.starts_with('-') => return Err(format!("unknown option {other}")),
                _ => options.words.push(other.to_owned()),
            },
        }
    }
    Ok(options)
}

fn main() -> ExitCode {
    match options().and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            // Nothing is left to tell if stderr is closed too.
            let _best_effort = writeln!(io::stderr(), "scale: {text}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    let rows: Vec<Row> = if options.bench {
        let mut rows = if options.all || !options.words.is_empty() {
            rows::all()
        } else {
            rows::some()
        };
        rows.retain(|row| row.has(&options.words));
        rows
    } else {
        rows::small()
    };
    if rows.is_empty() {
        return Err("no row has all of these words; --list --all shows them".to_owned());
    }
    let mut out = io::stdout().lock();
    let failed = |error: io::Error| format!("cannot write: {error}");
    if options.list {
        for row in &rows {
            writeln!(out, "{row}").map_err(failed)?;
        }
        return Ok(());
    }
    let mut commands = vec![Command::ours(options.program.as_deref(), &options.with)];
    if options.peer {
        commands.push(Command::peer().ok_or("there is no `nomad` on the PATH")?);
    }
    writeln!(out, "{}", table::heading()).map_err(failed)?;
    let mut wrong = Vec::new();
    for row in &rows {
        // The peer knows batches only.
        for command in commands.iter().filter(|it| it.is_ours || !row.window) {
            let mut figures = Vec::new();
            for _ in 0..options.runs.unwrap_or(1) {
                let measured = simulated::measure(row, command)?;
                writeln!(out, "{}", table::line(row, command, &measured)).map_err(failed)?;
                if command.is_ours {
                    wrong.extend(measured.wrong().map(|what| format!("{row}: {what}")));
                }
                figures.push(measured);
            }
            if figures.len() > 1 {
                let median = Figures::median(&figures);
                writeln!(out, "{}", table::line(row, command, &median)).map_err(failed)?;
            }
        }
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(wrong.join("\n"))
    }
}
