//! The command that continues an interrupted run: what was typed, for a shell to read, without secrets, with
//! the wait as it is now and the moment before which an allocation must have started.

use std::ffi::OsString;

use chrono::{DateTime, SecondsFormat, SubsecRound, TimeDelta, Utc};

use super::duration;
use super::go_flags::Word;
use crate::plan::Pause;

/// The command line as typed, but for the token and for credentials in the address.
#[derive(Clone, Debug)]
pub(crate) struct Typed {
    program: String,
    args: Vec<Arg>,
    /// The wait that the command line asks for.
    pause: Pause,
}

#[derive(Clone, Debug)]
struct Arg {
    /// The flag's main name; `None` for the job and for `--`.
    flag: Option<String>,
    text: String,
}

impl Typed {
    pub(crate) fn new(program: Option<&OsString>, words: &[Word<'_>], pause: Pause) -> Self {
        let program = program.map(|program| program.to_string_lossy().into_owned());
        Self {
            program: program
                .filter(|program| !program.is_empty())
                .unwrap_or_else(|| env!("CARGO_PKG_NAME").to_owned()),
            args: words.iter().flat_map(args_of).collect(),
            pause,
        }
    }

    /// The command to continue with, shell-quoted, on one line. `pause` is the wait as it is now, `started` the start of this run and
    /// `limit` what it chose allocations by. Of a run that itself continues one, the start of the first is kept: what that one
    /// restarted is done. An age is counted back from the start of the first run too.
    pub(crate) fn resume(
        &self,
        pause: Pause,
        started: DateTime<Utc>,
        limit: Option<DateTime<Utc>>,
    ) -> String {
        let mut args = self.args.clone();
        let mut added = Vec::new();
        if pause != self.pause {
            args.retain(|arg| !arg.is("batch-wait"));
            let pause = match pause {
                Pause::Ask => "ask".to_owned(),
                Pause::Fixed(pause) => duration::format(pause),
            };
            added.push(format!("-batch-wait={pause}"));
        }
        let is_relative = args.iter().any(|arg| arg.is("older-than"));
        let limit = match limit {
            Some(limit) if limit <= started && !is_relative => None,
            Some(limit) => Some(limit.min(started)),
            None => Some(started),
        };
        if let Some(limit) = limit {
            args.retain(|arg| !arg.is("started-before") && !arg.is("older-than"));
            added.push(format!("-started-before={}", up_to_the_millisecond(limit)));
        }

        let first_positional = args.iter().position(|arg| arg.flag.is_none());
        let (flags, rest) = args.split_at(first_positional.unwrap_or(args.len()));
        let typed = |args: &[Arg]| args.iter().map(|arg| arg.text.clone()).collect::<Vec<_>>();
        [vec![self.program.clone()], typed(flags), added, typed(rest)]
            .concat()
            .iter()
            .map(|arg| shell_quoted(arg))
            .collect::<Vec<_>>()
            .join(" ")
    }
}

impl Arg {
    fn is(&self, flag: &str) -> bool {
        self.flag.as_deref() == Some(flag)
    }
}

fn args_of(word: &Word<'_>) -> Vec<Arg> {
    let arg = |flag: Option<&str>, text: String| Arg {
        flag: flag.map(str::to_owned),
        text,
    };
    match word {
        Word::Flag { name: "token", .. } => Vec::new(),
        Word::Flag {
            name: "address",
            value,
            ..
        } if without_credentials(value) != *value => {
            vec![arg(
                Some("address"),
                format!("-address={}", without_credentials(value)),
            )]
        }
        Word::Flag { name, typed, .. } => typed
            .iter()
            .map(|text| arg(Some(name), (*text).to_owned()))
            .collect(),
        Word::EndOfFlags => vec![arg(None, "--".to_owned())],
        Word::Positional(text) => vec![arg(None, (*text).to_owned())],
    }
}

/// The address without `user:password@`.
fn without_credentials(address: &str) -> String {
    let host = address.find("://").map_or(0, |scheme| scheme + 3);
    let end = address[host..]
        .find(['/', '?', '#'])
        .map_or(address.len(), |end| host + end);
    match address[host..end].rfind('@') {
        Some(at) => [&address[..host], &address[host + at + 1..]].concat(),
        None => address.to_owned(),
    }
}

/// Up, not down: nothing that had started when the run began may be left out. Not to the second: what was restarted within the
/// first second of the run is done.
fn up_to_the_millisecond(time: DateTime<Utc>) -> String {
    let whole = time.trunc_subsecs(3);
    let up = if whole < time {
        whole + TimeDelta::milliseconds(1)
    } else {
        whole
    };
    up.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The text as one word of a POSIX shell; control characters in the `$'…'` form, so that it stays on one line.
fn shell_quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    // zsh expands a word that starts with an equals sign.
    if !text.is_empty() && !text.starts_with('=') && text.chars().all(plain) {
        return text.to_owned();
    }
    if !text.chars().any(char::is_control) {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    let mut quoted = "$'".to_owned();
    for c in text.chars() {
        match c {
            '\'' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                quoted.extend(c.to_string().bytes().map(|byte| format!("\\x{byte:02x}")));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests;
