//! The help text, made from the option table: clap itself cannot show options with one dash.
//!
//! Sections are clap's help headings in the order of their declaration; what is no option comes from [`manual`].

use super::manual::{self, Part};
use super::table;

const WIDTH: usize = 80;
/// Columns in front of everything under a heading.
const MARGIN: usize = 2;
/// Columns in front of the description of an option.
const INDENT: usize = 6;

/// The whole help text, without a line end at its end.
pub(crate) fn text(command: &clap::Command) -> String {
    let mut text = format!("Usage: {}", manual::SYNOPSIS);
    for paragraph in manual::INTRODUCTION {
        text.push('\n');
        push_wrapped(&mut text, MARGIN, paragraph);
    }
    let mut section = "";
    for entry in table::entries(command) {
        if entry.section != section {
            section = entry.section;
            push_heading(&mut text, section);
        }
        let value = entry.value.map(|value| format!("=<{value}>"));
        let option = format!("-{}{}", entry.name, value.unwrap_or_default());
        push_option(&mut text, &option, &entry.description());
    }
    push_heading(&mut text, "Help");
    for (option, description) in manual::REQUESTS {
        push_option(&mut text, option, description);
    }
    for section in manual::SECTIONS {
        push_heading(&mut text, section.title);
        for part in section.parts {
            text.push('\n');
            match part {
                Part::Text(sentences) => push_wrapped(&mut text, MARGIN, sentences),
                Part::Table { column, rows } => {
                    for (term, meaning) in *rows {
                        push_row(&mut text, MARGIN + column, term, meaning);
                    }
                }
            }
        }
    }
    text
}

fn push_heading(text: &mut String, title: &str) {
    text.extend(["\n\n", title, ":"]);
}

fn push_option(text: &mut String, option: &str, description: &str) {
    text.push('\n');
    push_wrapped(text, MARGIN, option);
    push_wrapped(text, INDENT, description);
}

/// A term in front of its meaning, or above it where it is too long.
fn push_row(text: &mut String, column: usize, term: &str, meaning: &str) {
    let mut lines = wrapped(column, meaning).into_iter();
    push_wrapped(text, MARGIN, term);
    if MARGIN + term.len() < column {
        text.push_str(&" ".repeat(column - MARGIN - term.len()));
        text.push_str(&lines.next().unwrap_or_default());
    }
    for line in lines {
        push_line(text, column, &line);
    }
}

fn push_wrapped(text: &mut String, indent: usize, sentences: &str) {
    for line in wrapped(indent, sentences) {
        push_line(text, indent, &line);
    }
}

fn push_line(text: &mut String, indent: usize, line: &str) {
    text.push('\n');
    text.push_str(&" ".repeat(indent));
    text.push_str(line);
}

/// Lines that fit beside the indentation.
fn wrapped(indent: usize, text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if indent + line.len() + 1 + word.len() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests;
