//! What is said before there is a run: help, version, usage errors. No thread, no colours.

use std::io::{ErrorKind, Write};

use super::io::Io;
use super::output::OutputState;
use super::text::clean;

/// Prints help or version on stdout. A reader that has seen enough (`| head`) is a quiet end.
pub(crate) fn print_text(io: &mut Io, text: &str) -> OutputState {
    match write(&mut *io.stdout, text) {
        Ok(()) => OutputState::Fine,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => OutputState::Fine,
        Err(error) => {
            print_error(io, &format!("Error writing to standard output: {error}"));
            OutputState::Failed
        }
    }
}

/// Prints an error that ends the program, on stderr.
fn print_error(io: &mut Io, message: &str) {
    // There is no other place to say it; the exit code says it too.
    let _ = write(&mut *io.stderr, &clean(message.trim_end()));
}

/// Prints a usage error and what helps, each on a line of its own, on stderr.
pub(crate) fn print_usage_error(io: &mut Io, message: &str, hints: &[String]) {
    print_error(io, message);
    for hint in hints {
        print_error(io, hint);
    }
}

fn write(stream: &mut (dyn Write + Send), text: &str) -> std::io::Result<()> {
    let text = text.trim_end_matches('\n');
    stream.write_all(format!("{text}\n").as_bytes())?;
    stream.flush()
}
