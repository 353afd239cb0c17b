//! The exit codes, in one place.

use crate::event::{Ending, Finish, Trouble};
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

/// With `-detailed-exitcode`: the run went to its end and some allocations failed.
const SOME_FAILED: u8 = 3;
/// With `-detailed-exitcode`: the operator said no.
const DECLINED: u8 = 6;
/// With `-detailed-exitcode`: a dry run found work to do.
const WORK_TO_DO: u8 = 7;

/// The code of a run that ended like this. `detailed` is `-detailed-exitcode`.
pub(crate) fn exit_code(finish: &Finish, detailed: bool) -> u8 {
    let clean = finish.errors.is_empty() && finish.summary.failed.is_empty();
    match (&finish.how, finish.cause) {
        (Ending::Interrupted { signal }, _) => of_signal(*signal),
        (Ending::Declined, _) if detailed => DECLINED,
        (Ending::Completed | Ending::Declined, _) if clean => DONE,
        _ if !detailed => ERROR,
        (_, Some(trouble)) => of_trouble(trouble, detailed),
        (Ending::Stopped, None) => of_trouble(Trouble::Failure, detailed),
        (Ending::Completed | Ending::Declined, None) => SOME_FAILED,
    }
}

/// The code of a run that this trouble stopped, or kept from beginning.
pub(crate) fn of_trouble(trouble: Trouble, detailed: bool) -> u8 {
    match trouble {
        _ if !detailed => ERROR,
        Trouble::Usage | Trouble::Connection | Trouble::Permission => ERROR,
        Trouble::Placement => 2,
        Trouble::Refused
        | Trouble::NotRestarted
        | Trouble::Failure
        | Trouble::Unhealthy
        | Trouble::Timeout
        | Trouble::OutcomeUnknown
        | Trouble::Lost => 4,
        Trouble::Precondition => 5,
    }
}

/// The code of a run that ended because none of several jobs was chosen.
pub(crate) fn of_no_choice(detailed: bool) -> u8 {
    if detailed { DECLINED } else { ERROR }
}

/// The code of a dry run that would restart something.
pub(crate) fn of_dry_run(detailed: bool) -> u8 {
    if detailed { WORK_TO_DO } else { DONE }
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
    use crate::event::{RunError, Summary, Trouble};

    fn finish(how: Ending, errors: usize) -> Finish {
        let error = RunError {
            allocation: None,
            text: "Deployment \"d1234567\" is \"running\"".to_owned(),
            unrecoverable: false,
            trouble: Trouble::Failure,
        };
        Finish {
            how,
            cause: None,
            errors: vec![error; errors],
            summary: Summary::default(),
            resume: None,
        }
    }

    fn interrupted(signal: i32) -> Ending {
        Ending::Interrupted { signal }
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
            assert_eq!(exit_code(&finish, false), code, "{finish:?}");
        }
    }

    #[test]
    fn detailed_codes_tell_causes_apart() {
        // D75
        use Trouble::{
            Connection, Failure, Lost, NotRestarted, OutcomeUnknown, Permission, Placement,
            Precondition, Refused, Timeout, Unhealthy, Usage,
        };

        for (how, cause, errors, code) in [
            (Ending::Completed, None, 0, 0),
            (Ending::Completed, None, 1, 3),
            // What would have stopped the run if there had been another batch.
            (Ending::Completed, Some(Placement), 1, 2),
            (Ending::Completed, Some(Permission), 1, 1),
            (Ending::Completed, Some(Failure), 1, 4),
            (Ending::Stopped, Some(Connection), 1, 1),
            (Ending::Stopped, Some(Placement), 2, 2),
            (Ending::Stopped, Some(Failure), 2, 4),
            (Ending::Stopped, Some(Precondition), 1, 5),
            (Ending::Stopped, None, 1, 4),
            (Ending::Declined, None, 0, 6),
            (Ending::Declined, None, 2, 6),
            // A signal comes before everything else.
            (interrupted(SIGINT), Some(Placement), 3, 130),
            (interrupted(SIGTERM), None, 0, 143),
        ] {
            let finish = Finish {
                cause,
                ..finish(how, errors)
            };
            assert_eq!(exit_code(&finish, true), code, "{finish:?}");
        }
        for (troubles, code) in [
            (&[Usage, Connection, Permission][..], 1),
            (&[Placement], 2),
            (
                &[
                    Refused,
                    NotRestarted,
                    Failure,
                    Unhealthy,
                    Timeout,
                    OutcomeUnknown,
                    Lost,
                ],
                4,
            ),
            (&[Precondition], 5),
        ] {
            for trouble in troubles {
                assert_eq!(of_trouble(*trouble, true), code, "{trouble:?}");
                assert_eq!(of_trouble(*trouble, false), 1, "{trouble:?}");
            }
        }
        assert_eq!((of_dry_run(false), of_dry_run(true)), (0, 7));
        assert_eq!((of_no_choice(false), of_no_choice(true)), (1, 6));
    }

    #[test]
    fn a_failed_allocation_is_an_error_also_without_an_entry() {
        let mut finish = finish(Ending::Completed, 0);
        finish.summary.failed.push("a0000000".into());
        assert_eq!(exit_code(&finish, false), 1);
        assert_eq!(exit_code(&finish, true), 3);
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
