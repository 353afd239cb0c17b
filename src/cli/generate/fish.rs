//! The completion script for fish.

use std::fmt::Write;

use crate::cli::table::{Entry, Values};

pub(super) fn script(entries: &[Entry<'_>]) -> String {
    // Jobs are no files.
    let mut script =
        "# fish completion for nomad-restart\n\ncomplete -c nomad-restart -f\n".to_owned();
    for entry in entries {
        let values = match entry.values() {
            Values::None => String::new(),
            Values::Words(words) => format!(" -x -a {}", quoted(&words.join(" "))),
            Values::File => " -r -F".to_owned(),
            Values::Directory => " -x -a '(__fish_complete_directories)'".to_owned(),
            Values::Free => " -x".to_owned(),
        };
        let brief = quoted(entry.brief());
        let _ = writeln!(
            script,
            "complete -c nomad-restart -o {}{values} -d {brief}",
            entry.name
        );
    }
    for (name, brief) in super::requests() {
        let name = name.trim_start_matches('-');
        let _ = writeln!(
            script,
            "complete -c nomad-restart -o {name} -d {}",
            quoted(brief)
        );
    }
    script
}

/// In single quotes.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
}
