//! The exit codes, in one place (design section 9).

use crate::event::{Ending, Finish};
use crate::report::OutputState;

/// Done, nothing to do, or declined at a question before anything failed.
pub(crate) const DONE: u8 = 0;
/// Any error.
pub(crate) const ERROR: u8 = 1;

/// Signal numbers, the same on every system that has them.
pub(crate) const SIGHUP: i32 = 1;
pub(crate) const SIGINT: i32 = 2;
pub(crate) const SIGPIPE: i32 = 13;
pub(crate) const SIGTERM: i32 = 15;

/// The code of a run that ended like this.
pub(crate) fn exit_code(finish: &Finish) -> u8 {
    match finish.how {
        Ending::Interrupted { signal, .. } => of_signal(signal),
        Ending::Stopped => ERROR,
        Ending::Completed | Ending::Declined => {
            if finish.errors.is_empty() && finish.summary.failed.is_empty() {
                DONE
            } else {
                ERROR
            }
        }
    }
}

/// What a shell shows for a process that died of this signal.
pub(crate) fn of_signal(signal: i32) -> u8 {
    u8::try_from(128 + signal).unwrap_or(ERROR)
}

/// `code`, corrected by what became of the output: what could not be shown is no success.
pub(crate) fn with_output(code: u8, output: OutputState) -> u8 {
    match output {
        OutputState::Fine => code,
        OutputState::Failed => code.max(ERROR),
        OutputState::StdoutClosed if code > 128 => code,
        OutputState::StdoutClosed => of_signal(SIGPIPE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{RunError, Summary};

    fn finish(how: Ending, errors: usize) -> Finish {
        let error = RunError {
            allocation: None,
            text: "Deployment \"d1234567\" is \"running\"".to_owned(),
            unrecoverable: false,
        };
        Finish {
            how,
            errors: vec![error; errors],
            summary: Summary::default(),
        }
    }

    fn interrupted(signal: i32) -> Ending {
        Ending::Interrupted {
            signal,
            resume: String::new(),
        }
    }

    #[test]
    fn each_ending_has_its_code() {
        // D59, D60, D75
        for (how, errors, code) in [
            (Ending::Completed, 0, 0),
            (Ending::Completed, 1, 1),
            (Ending::Stopped, 1, 1),
            (Ending::Stopped, 0, 1),
            (Ending::Declined, 0, 0),
            (Ending::Declined, 2, 1),
            (interrupted(SIGINT), 0, 130),
            (interrupted(SIGINT), 3, 130),
            (interrupted(SIGTERM), 0, 143),
            (interrupted(SIGHUP), 0, 129),
            (interrupted(SIGPIPE), 0, 141),
        ] {
            let finish = finish(how, errors);
            assert_eq!(exit_code(&finish), code, "{finish:?}");
        }
    }

    #[test]
    fn a_failed_allocation_is_an_error_also_without_an_entry() {
        let mut finish = finish(Ending::Completed, 0);
        finish.summary.failed.push("a0000000".into());
        assert_eq!(exit_code(&finish), 1);
    }

    #[test]
    fn lost_output_is_no_success() {
        // D69
        for (code, output, expected) in [
            (0, OutputState::Fine, 0),
            (1, OutputState::Fine, 1),
            (0, OutputState::Failed, 1),
            (1, OutputState::Failed, 1),
            (143, OutputState::Failed, 143),
            (0, OutputState::StdoutClosed, 141),
            (1, OutputState::StdoutClosed, 141),
            (130, OutputState::StdoutClosed, 130),
        ] {
            assert_eq!(with_output(code, output), expected, "{code} {output:?}");
        }
    }
}
