//! Questions before the first write, asked with dialoguer: keys are read one by one from the process's own terminal.

use std::fmt;
use std::io::ErrorKind;
use std::sync::mpsc::Sender;
use std::thread;

use dialoguer::console::{Term, measure_text_width, truncate_str};
use dialoguer::theme::Theme;
use dialoguer::{Confirm, Select};

use super::ask;
use super::desk::Reply;
use super::style::{Style, paint};
use super::text::clean;
use crate::event::{Answer, Question};

/// How many columns dialoguer's mark in front of a choice takes.
const MARK: usize = 3;

/// Asks on a thread of its own: a read that nobody answers must not hold up the end of the program.
pub(super) fn ask(id: u64, question: Question, text: String, color: bool, reply_to: Sender<Reply>) {
    thread::spawn(move || {
        let answer = match answer(&question, &text, color) {
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

fn answer(question: &Question, text: &str, color: bool) -> dialoguer::Result<Answer> {
    let term = Term::stdout();
    let theme = Plain { color };
    let columns = usize::from(term.size().1);
    if let Question::WhichJob { choices, .. } = question {
        return choose(&term, &theme, text, choices, columns);
    }

    // dialoguer clears the line of the prompt to show the answer, and takes it for one row: a longer question stands above it.
    let width =
        measure_text_width(text) + measure_text_width(&ask::options(question)) + " yes ".len();
    let prompt = if width < columns {
        text
    } else {
        term.write_line(&paint(text, Style::Bold, color))?;
        "   "
    };
    let yes = Confirm::with_theme(&theme)
        .with_prompt(prompt)
        .default(false)
        .wait_for_newline(true)
        .interact_on(&term)?;
    Ok(if yes { Answer::Yes } else { Answer::No })
}

/// dialoguer redraws what it wrote, and takes a line for one row: the question stands above it, the choices are cut.
fn choose(
    term: &Term,
    theme: &Plain,
    text: &str,
    choices: &[String],
    columns: usize,
) -> dialoguer::Result<Answer> {
    term.write_line(&theme.bold(&format!("{text} (Esc = none)")))?;
    let choices: Vec<_> = choices.iter().map(|choice| clean(choice)).collect();
    let chosen = Select::with_theme(theme)
        .items(
            choices
                .iter()
                .map(|choice| truncate_str(choice, columns.saturating_sub(MARK), "…")),
        )
        .default(0)
        .interact_on_opt(term)?;
    Ok(match chosen {
        Some(index) => {
            term.write_line(&format!("    {}", choices[index]))?;
            Answer::Choice(index)
        }
        None => Answer::No,
    })
}

/// The look of the questions that are asked in lines.
struct Plain {
    color: bool,
}

impl Plain {
    fn bold(&self, text: &str) -> String {
        paint(text, Style::Bold, self.color)
    }
}

impl Theme for Plain {
    fn format_confirm_prompt(
        &self,
        f: &mut dyn fmt::Write,
        prompt: &str,
        default: Option<bool>,
    ) -> fmt::Result {
        // dialoguer draws the prompt anew for every y and n, with that as its default.
        let typed = if default == Some(true) { "y" } else { "" };
        write!(f, "{} {typed}", self.bold(&format!("{prompt} [y/N]")))
    }

    fn format_confirm_prompt_selection(
        &self,
        f: &mut dyn fmt::Write,
        prompt: &str,
        selection: Option<bool>,
    ) -> fmt::Result {
        let answer = if selection == Some(true) { "yes" } else { "no" };
        write!(f, "{} {answer}", self.bold(&format!("{prompt} [y/N]")))
    }
}

#[cfg(all(test, unix))]
mod tests;
