//! Completion scripts and the man page, made from the option table as the help text is: options have one dash everywhere.

mod bash;
mod fish;
mod man;
mod zsh;

use super::manual;
use crate::plan::UsageError;

/// What `-generate` prints for this value, without a line end at its end.
pub(crate) fn text(command: &clap::Command, value: &str) -> Result<String, UsageError> {
    let entries = super::table::entries(command);
    let text = match value.to_ascii_lowercase().as_str() {
        "bash" => bash::script(&entries),
        "zsh" => zsh::script(&entries),
        "fish" => fish::script(&entries),
        "man" => man::page(&entries),
        _ => {
            let why = r#"valid options are "bash", "zsh", "fish" and "man""#;
            return Err(UsageError::value("generate", value, why));
        }
    };
    Ok(text.trim_end().to_owned())
}

/// Options that are no entries of the table, with what they do.
fn requests() -> impl Iterator<Item = (&'static str, &'static str)> {
    manual::REQUESTS.iter().map(|(spellings, description)| {
        let longest = spellings.split(", ").next().unwrap_or(spellings);
        (longest, description.trim_end_matches('.'))
    })
}
