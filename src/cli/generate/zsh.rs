//! The completion script for zsh: a function for a directory of `fpath`, which can also be sourced.

use std::fmt::Write;

use crate::cli::table::{Entry, Values};

const BEGIN: &str = "\
#compdef nomad-restart

_nomad-restart() {
    _arguments -S \\
";

const END: &str = "\
        '::job:()'
}

# Called as a completion function, or read as a script.
if [[ ${funcstack[1]} == _nomad-restart ]]; then
    _nomad-restart \"$@\"
else
    compdef _nomad-restart nomad-restart
fi
";

pub(super) fn script(entries: &[Entry<'_>]) -> String {
    let mut script = BEGIN.to_owned();
    for entry in entries {
        let again = if entry.repeatable { "*" } else { "" };
        let equals = if entry.value.is_some() { "=" } else { "" };
        let brief = quoted(entry.brief());
        let _ = write!(script, "        '{again}-{}{equals}[{brief}]", entry.name);
        if let Some(value) = entry.value {
            let _ = write!(script, ":{}:{}", quoted(value), action(&entry.values()));
        }
        script.push_str("' \\\n");
    }
    for (name, brief) in super::requests() {
        let _ = writeln!(script, "        '(- :){name}[{}]' \\", quoted(brief));
    }
    script.push_str(END);
    script
}

fn action(values: &Values<'_>) -> String {
    match values {
        Values::Words(words) => format!("({})", words.join(" ")),
        Values::File => "_files".to_owned(),
        Values::Directory => "_path_files -/".to_owned(),
        Values::None | Values::Free => " ".to_owned(),
    }
}

/// For a specification of `_arguments` in single quotes.
fn quoted(text: &str) -> String {
    let mut quoted = String::new();
    for c in text.chars() {
        match c {
            '\'' => quoted.push_str(r"'\''"),
            '[' | ']' | ':' | '\\' => quoted.extend(['\\', c]),
            _ => quoted.push(c),
        }
    }
    quoted
}
