//! The option table: what the clap command declares, in the form in which help, man page and completions show it.
//!
//! Nothing is declared here. Which values an option takes is read off its value name: words stand for themselves, but for the few
//! [`PLACEHOLDERS`] that stand for something.

/// What a value name may say besides the words that can be typed as they are.
const PLACEHOLDERS: &[&str] = &[
    "directory",
    "duration",
    "n",
    "n%",
    "name",
    "namespace",
    "path",
    "region",
    "secret",
    "time",
    "url",
];

/// One option.
pub(crate) struct Entry<'a> {
    /// Without dashes.
    pub(crate) name: &'a str,
    /// The heading that it stands under.
    pub(crate) section: &'a str,
    /// What its value is called, `ask|fail`; `None` for a switch.
    pub(crate) value: Option<&'a str>,
    /// Every occurrence counts, not only the last.
    pub(crate) repeatable: bool,
    /// Sentences.
    help: String,
    /// Of an option that takes a value.
    default: Option<String>,
}

/// What can be offered as the value of an option.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Values<'a> {
    /// It is a switch.
    None,
    /// These words; where the option takes other values too, they are not among them.
    Words(Vec<&'a str>),
    File,
    Directory,
    /// Nothing that is known here.
    Free,
}

/// All options, in the order of their declaration.
pub(crate) fn entries(command: &clap::Command) -> Vec<Entry<'_>> {
    command
        .get_arguments()
        .filter_map(|arg| {
            let value = value_name(arg);
            Some(Entry {
                name: arg.get_long()?,
                section: arg.get_help_heading().unwrap_or("Options"),
                value,
                repeatable: matches!(arg.get_action(), clap::ArgAction::Append),
                help: arg.get_help().map(ToString::to_string).unwrap_or_default(),
                default: match arg.get_default_values() {
                    [default] if value.is_some() => Some(default.to_string_lossy().into_owned()),
                    _ => None,
                },
            })
        })
        .collect()
}

/// `None` for a switch.
fn value_name(arg: &clap::Arg) -> Option<&str> {
    let takes_value = arg
        .get_num_args()
        .is_none_or(|range| range.min_values() > 0);
    takes_value
        .then(|| {
            arg.get_value_names()?
                .first()
                .map(clap::builder::Str::as_str)
        })
        .flatten()
}

impl<'a> Entry<'a> {
    /// The help text, and the default.
    pub(crate) fn description(&self) -> String {
        let mut text = self.help.clone();
        if let Some(default) = &self.default {
            text.extend([" Defaults to ", default, "."]);
        }
        text
    }

    /// What the help text begins with, for a place of one line.
    pub(crate) fn brief(&self) -> &str {
        let ends = [". ", ": ", "; "].iter();
        let end = ends.filter_map(|end| self.help.find(end)).min();
        self.help[..end.unwrap_or(self.help.len())].trim_end_matches('.')
    }

    pub(crate) fn values(&self) -> Values<'a> {
        let Some(value) = self.value else {
            return Values::None;
        };
        match value {
            "path" => return Values::File,
            "directory" => return Values::Directory,
            _ => {}
        }
        let words: Vec<_> = value
            .split('|')
            .filter(|word| !PLACEHOLDERS.contains(word))
            .collect();
        if words.is_empty() {
            Values::Free
        } else {
            Values::Words(words)
        }
    }
}

#[cfg(test)]
mod tests;
