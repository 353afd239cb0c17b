//! The man page, in the man(7) macros that both groff and mandoc read.

use std::fmt::Write;

use crate::cli::manual::{self, Part};
use crate::cli::table::Entry;

/// When what the page says last changed in more than an option; a page must have a date.
const DATE: &str = "2026-11-24";
/// The longest line of source that mandoc puts up with.
const WIDTH: usize = 80;

const EXAMPLES: &[(&str, &str)] = &[
    (
        "The running tasks, in place, a quarter of the allocations at a time, 30 seconds between batches:",
        "nomad-restart -batch-size=25% -batch-wait=30s web",
    ),
    (
        "One task of one group:",
        "nomad-restart -group=api -task=server web",
    ),
    (
        "Stop two allocations at a time, and wait for replacements that run:",
        "nomad-restart -reschedule -batch-size=2 web",
    ),
    (
        "In a pipeline, ask nothing and stop at the first error:",
        "nomad-restart -yes -on-error=fail web",
    ),
];

pub(super) fn page(entries: &[Entry<'_>]) -> String {
    let mut page = format!(
        ".TH NOMAD-RESTART 1 {DATE} \"nomad-restart {}\" \"User Commands\"\n",
        env!("CARGO_PKG_VERSION")
    );
    heading(&mut page, "NAME");
    page.push_str("nomad-restart \\- restart the allocations of a Nomad job in batches\n");
    heading(&mut page, "SYNOPSIS");
    page.push_str(".B nomad-restart\n[options] <job>\n");
    heading(&mut page, "DESCRIPTION");
    for (index, paragraph) in manual::INTRODUCTION.iter().enumerate() {
        if index > 0 {
            page.push_str(".PP\n");
        }
        sentences(&mut page, paragraph);
    }

    heading(&mut page, "OPTIONS");
    let mut section = "";
    for entry in entries {
        if entry.section != section {
            section = entry.section;
            let _ = writeln!(page, ".SS {}", escaped(section));
        }
        let name = escaped(&format!("-{}", entry.name));
        match entry.value {
            Some(value) => {
                let _ = writeln!(page, ".TP\n\\fB{name}\\fR=<\\fI{}\\fR>", escaped(value));
            }
            None => {
                let _ = writeln!(page, ".TP\n\\fB{name}\\fR");
            }
        }
        sentences(&mut page, &entry.description());
    }
    page.push_str(".SS Help\n");
    for (option, description) in manual::REQUESTS {
        term(&mut page, option, description);
    }
    for section in manual::SECTIONS {
        heading(&mut page, &section.title.to_uppercase());
        parts(&mut page, section.parts);
    }

    heading(&mut page, "EXAMPLES");
    for (index, (purpose, command)) in EXAMPLES.iter().enumerate() {
        if index > 0 {
            page.push_str(".PP\n");
        }
        sentences(&mut page, purpose);
        let _ = writeln!(page, ".PP\n.RS 4\n.EX\n{}\n.EE\n.RE", escaped(command));
    }
    heading(&mut page, "SEE ALSO");
    page.push_str("nomad job restart, nomad alloc restart, nomad alloc stop\n");
    page
}

fn heading(page: &mut String, title: &str) {
    let _ = writeln!(page, ".SH {}", escaped(title));
}

fn parts(page: &mut String, parts: &[Part]) {
    for (index, part) in parts.iter().enumerate() {
        match part {
            Part::Text(text) => {
                if index > 0 {
                    page.push_str(".PP\n");
                }
                sentences(page, text);
            }
            Part::Table { rows, .. } => {
                for (name, meaning) in *rows {
                    term(page, name, meaning);
                }
            }
        }
    }
}

fn term(page: &mut String, name: &str, meaning: &str) {
    let _ = writeln!(page, ".TP\n\\fB{}\\fR", escaped(name));
    sentences(page, meaning);
}

/// Every sentence on a line of its own, and none too long.
fn sentences(page: &mut String, text: &str) {
    let mut length = 0;
    for word in text.split_whitespace() {
        let word = escaped(word);
        if length > 0 {
            let fits = length + 1 + word.len() <= WIDTH;
            page.push(if fits { ' ' } else { '\n' });
            length = if fits { length + 1 } else { 0 };
        }
        // At the start of a line these would be requests.
        if length == 0 && word.starts_with(['.', '\'']) {
            page.push_str("\\&");
        }
        page.push_str(&word);
        length += word.len();
        if word.ends_with('.') {
            page.push('\n');
            length = 0;
        }
    }
    if length > 0 {
        page.push('\n');
    }
}

/// A hyphen that is typed is a minus sign; what is special to roff is not.
fn escaped(text: &str) -> String {
    text.replace('\\', r"\e").replace('-', r"\-")
}
