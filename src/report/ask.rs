//! The questions: their words, and what a typed line means.

use super::text::clean;
use crate::cli::duration;
use crate::cli::quote::quote;
use crate::event::{Answer, Question};

/// The question's text, maybe of several lines, without the options.
pub(super) fn text(question: &Question) -> String {
    match question {
        Question::PrefixMatch { typed, job } => {
            format!(
                "Job {} not found. Restart {} instead?",
                quote(typed),
                quote(job)
            )
        }
        Question::WhichJob { .. } => "Which of these jobs should be restarted?".to_owned(),
        Question::MultiRegion { job } => format!(
            "Are you sure you want to restart multi-region job {} in a single region?",
            quote(job)
        ),
        Question::NextBatch { .. } => "Proceed with next batch?".to_owned(),
        Question::IgnoreErrors {
            unrecoverable: false,
            ..
        } => "Ignore the errors above and proceed with the next batch?".to_owned(),
        Question::IgnoreErrors {
            unrecoverable: true,
            ..
        } => "The errors above are likely to happen again.\n\
              Ignore them anyway and proceed with the next batch?"
            .to_owned(),
        Question::IgnoreErrorsInWindow {
            unrecoverable: false,
        } => "Ignore the errors above and proceed with the other allocations?".to_owned(),
        Question::IgnoreErrorsInWindow {
            unrecoverable: true,
        } => "The errors above are likely to happen again.\n\
              Ignore them anyway and proceed with the other allocations?"
            .to_owned(),
        Question::Interrupt => "Restart interrupted, no more allocations will be restarted.\n\
                                Are you sure you want to stop the restart process?"
            .to_owned(),
    }
}

/// What can be answered, in brackets.
pub(super) fn options(question: &Question) -> String {
    let yes_no = if empty_means(question) == Answer::Yes {
        "Y/n"
    } else {
        "y/N"
    };
    match question {
        Question::WhichJob { choices, .. } => format!("[1-{}]", choices.len()),
        _ if takes_durations(question) => format!("[{yes_no}/<duration>]"),
        _ => format!("[{yes_no}]"),
    }
}

/// What stands above the question: for a choice, what there is to choose from.
pub(super) fn preamble(question: &Question, numbered: bool) -> String {
    let Question::WhichJob { heading, choices } = question else {
        return String::new();
    };
    let mut text = clean(heading.trim_end()).into_owned();
    text.push('\n');
    if numbered {
        for (number, choice) in (1..).zip(choices) {
            text.push_str(&clean(&format!("\n{number}. {choice}")));
        }
        text.push('\n');
    }
    text
}

/// Reads a line as an answer; `None` if it is none.
pub(super) fn parse(question: &Question, line: &str) -> Option<Answer> {
    let line = line.trim();
    if line.is_empty() {
        return Some(empty_means(question));
    }
    if let Question::WhichJob { choices, .. } = question {
        let number: usize = line.parse().ok()?;
        return (1..=choices.len())
            .contains(&number)
            .then(|| Answer::Choice(number - 1));
    }
    match line.to_lowercase().as_str() {
        "y" | "yes" => Some(Answer::Yes),
        "n" | "no" => Some(Answer::No),
        _ if takes_durations(question) => duration::parse_answer(line).ok().map(Answer::Pause),
        _ => None,
    }
}

fn empty_means(question: &Question) -> Answer {
    match question {
        Question::NextBatch { .. } => Answer::Yes,
        _ => Answer::No,
    }
}

fn takes_durations(question: &Question) -> bool {
    matches!(
        question,
        Question::NextBatch { durations: true }
            | Question::IgnoreErrors {
                durations: true,
                ..
            }
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn next_batch() -> Question {
        Question::NextBatch { durations: true }
    }

    fn ignore_errors(durations: bool) -> Question {
        Question::IgnoreErrors {
            unrecoverable: false,
            durations,
        }
    }

    #[test]
    fn options_tell_what_empty_means() {
        let job = || "web".to_owned();
        for (question, expected) in [
            (Question::MultiRegion { job: job() }, "[y/N]"),
            (
                Question::PrefixMatch {
                    typed: job(),
                    job: job(),
                },
                "[y/N]",
            ),
            (next_batch(), "[Y/n/<duration>]"),
            (Question::NextBatch { durations: false }, "[Y/n]"),
            (ignore_errors(false), "[y/N]"),
            (ignore_errors(true), "[y/N/<duration>]"),
            (
                Question::IgnoreErrorsInWindow {
                    unrecoverable: true,
                },
                "[y/N]",
            ),
            (Question::Interrupt, "[y/N]"),
        ] {
            assert_eq!(options(&question), expected, "{question:?}");
        }
    }

    #[test]
    fn lines_are_read_as_answers() {
        // N61
        for (line, expected) in [
            ("y", Some(Answer::Yes)),
            ("  YES \t", Some(Answer::Yes)),
            ("Yes", Some(Answer::Yes)),
            ("n", Some(Answer::No)),
            (" No", Some(Answer::No)),
            ("maybe", None),
            ("yes please", None),
            ("10", None),
            ("-5s", None),
            ("0", Some(Answer::Pause(Duration::ZERO))),
            ("500ms", Some(Answer::Pause(Duration::from_millis(500)))),
            (" 1m30s ", Some(Answer::Pause(Duration::from_secs(90)))),
            ("1M", None),
        ] {
            assert_eq!(parse(&next_batch(), line), expected, "{line:?}");
        }
    }

    #[test]
    fn an_empty_line_is_the_default() {
        for line in ["", "  ", "\t"] {
            assert_eq!(parse(&next_batch(), line), Some(Answer::Yes));
            assert_eq!(parse(&ignore_errors(true), line), Some(Answer::No));
            assert_eq!(parse(&Question::Interrupt, line), Some(Answer::No));
        }
    }

    #[test]
    fn durations_only_where_they_are_offered() {
        // N62
        assert_eq!(parse(&ignore_errors(false), "2s"), None);
        assert_eq!(parse(&Question::Interrupt, "2s"), None);
        assert_eq!(
            parse(&ignore_errors(true), "2s"),
            Some(Answer::Pause(Duration::from_secs(2)))
        );
    }

    #[test]
    fn a_choice_is_a_number_in_range() {
        let question = Question::WhichJob {
            heading: "Prefix \"we\" matched multiple jobs".to_owned(),
            choices: vec!["web".to_owned(), "web-2".to_owned()],
        };
        assert_eq!(options(&question), "[1-2]");
        for (line, expected) in [
            ("1", Some(Answer::Choice(0))),
            (" 2 ", Some(Answer::Choice(1))),
            ("0", None),
            ("3", None),
            ("web", None),
            ("", Some(Answer::No)),
        ] {
            assert_eq!(parse(&question, line), expected, "{line:?}");
        }
    }

    proptest! {
        // N61, N62: a line is an answer that was offered, or none; nothing but a yes is one.
        #[test]
        fn any_line_is_an_offered_answer_or_none(line in "(\\PC|[\\x00-\\x20]|[0-9]|y|n|s|m|h|\\.|-){0,24}", which in 0_usize..5) {
            let choices = vec!["web".to_owned(), "web-2".to_owned()];
            let question = [
                next_batch(),
                ignore_errors(true),
                ignore_errors(false),
                Question::Interrupt,
                Question::WhichJob { heading: String::new(), choices },
            ][which].clone();
            let typed = line.trim().to_lowercase();
            match parse(&question, &line) {
                None => {}
                Some(Answer::Yes) => {
                    let empty = typed.is_empty() && matches!(question, Question::NextBatch { .. });
                    prop_assert!(empty || typed == "y" || typed == "yes");
                }
                Some(Answer::No) => prop_assert!(typed.is_empty() || typed == "n" || typed == "no"),
                Some(Answer::Pause(_)) => prop_assert!(takes_durations(&question)),
                Some(Answer::Choice(number)) => prop_assert!(which == 4 && number < 2),
                Some(other) => prop_assert!(false, "{other:?}"),
            }
        }
    }
}
