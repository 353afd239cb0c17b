//! The choice of a job, asked with dialoguer: keys are read one by one from the process's own terminal.
//!
//! Only this question, and it comes before the first write. What is answered with yes or no is a line everywhere: read by keys, the
//! `y` in "maybe" would be a yes.

use std::io::ErrorKind;
use std::sync::mpsc::Sender;
use std::thread;

use dialoguer::Select;
use dialoguer::console::{Term, truncate_str};
use dialoguer::theme::SimpleTheme;

use super::desk::Reply;
use super::style::{Style, paint};
use super::text::clean;
use crate::event::Answer;

/// How many columns dialoguer's mark in front of a choice takes.
const MARK: usize = 3;

/// Asks on a thread of its own: a read that nobody answers must not hold up the end of the program.
pub(super) fn ask(
    id: u64,
    choices: Vec<String>,
    text: String,
    color: bool,
    reply_to: Sender<Reply>,
) {
    thread::spawn(move || {
        let answer = match choose(&paint(&text, Style::Bold, color), &choices) {
            Ok(answer) => answer,
            // Ctrl-C, which also raised the signal.
            Err(dialoguer::Error::IO(error)) if error.kind() == ErrorKind::Interrupted => {
                Answer::Interrupted
            }
            Err(dialoguer::Error::IO(_)) => Answer::EndOfInput,
        };
        // Nobody waits any more when the question was called off.
        let _ = reply_to.send(Reply::Keys(id, answer));
    });
}

/// dialoguer redraws what it wrote, and takes a line for one row: the question stands above it, the choices are cut.
fn choose(text: &str, choices: &[String]) -> dialoguer::Result<Answer> {
    let term = Term::stdout();
    let columns = usize::from(term.size().1);
    term.write_line(text)?;
    let choices: Vec<_> = choices.iter().map(|choice| clean(choice)).collect();
    let chosen = Select::with_theme(&SimpleTheme)
        .items(
            choices
                .iter()
                .map(|choice| truncate_str(choice, columns.saturating_sub(MARK), "…")),
        )
        .default(0)
        .interact_on_opt(&term)?;
    Ok(match chosen {
        Some(index) => {
            term.write_line(&format!("    {}", choices[index]))?;
            Answer::Choice(index)
        }
        None => Answer::No,
    })
}

#[cfg(all(test, unix))]
mod tests;
