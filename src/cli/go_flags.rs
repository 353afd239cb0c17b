//! The grammar of Go's flag package in front of clap.
//!
//! One or two dashes are the same; a value comes with `=` or as the next argument, whatever that looks like; switches take a
//! value only with `=`. Beyond Go, options are also read after the job; `--` ends them. Names and arity come from the clap
//! command, and clap gets only `--name=value` and, behind `--`, the positionals: it never has to guess.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::quote::{quote, quote_bytes};

/// The flags of a command by every name that they have.
pub(crate) struct Flags(BTreeMap<String, Flag>);

/// One flag.
struct Flag {
    /// The name that clap and the continue command know it by.
    name: String,
    /// Takes a Go boolean after `=` or nothing at all.
    switch: bool,
}

/// One thing that was typed, with the arguments that it took.
pub(crate) enum Word<'a> {
    Flag {
        /// Its main name, also when an alias was typed.
        name: &'a str,
        /// `true` or `false` for a switch.
        value: String,
        /// One argument, or two when the value was one of its own.
        typed: Vec<&'a str>,
    },
    /// `--`.
    EndOfFlags,
    Positional(&'a str),
}

/// Why there is nothing to run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FlagError {
    Help { exit: u8 },
    Version,
    Usage(String),
}

/// An argument in flag position, without its dashes.
enum Argument<'a> {
    Positional,
    EndOfFlags,
    Malformed,
    Flag {
        name: &'a str,
        value: Option<&'a str>,
    },
}

impl Flags {
    pub(crate) fn of(command: &clap::Command) -> Self {
        let mut flags = BTreeMap::new();
        for arg in command.get_arguments() {
            let Some(name) = arg.get_long() else { continue };
            let switch = arg
                .get_num_args()
                .is_some_and(|range| range.min_values() == 0);
            for known_as in std::iter::once(name).chain(arg.get_all_aliases().unwrap_or_default()) {
                let flag = Flag {
                    name: name.to_owned(),
                    switch,
                };
                flags.insert(known_as.to_owned(), flag);
            }
        }
        Self(flags)
    }

    /// Reads all arguments behind the program's name, or stops at the first that is wrong.
    pub(crate) fn read<'a>(&'a self, args: &'a [OsString]) -> Result<Vec<Word<'a>>, FlagError> {
        // Who asks for help gets it, whatever else is wrong with the line.
        if let Some(request) = self.find_request(args) {
            return Err(request);
        }
        let mut words = Vec::with_capacity(args.len());
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let arg = arg.to_str().ok_or_else(|| not_utf8(arg))?;
            match Argument::of(arg) {
                Argument::Positional => words.push(Word::Positional(arg)),
                Argument::EndOfFlags => {
                    words.push(Word::EndOfFlags);
                    for arg in args.by_ref() {
                        words.push(Word::Positional(
                            arg.to_str().ok_or_else(|| not_utf8_job(arg))?,
                        ));
                    }
                }
                Argument::Malformed => return Err(FlagError::Usage(bad_syntax(arg))),
                Argument::Flag { name, value } => {
                    words.push(self.flag(arg, name, value, &mut args)?);
                }
            }
        }
        Ok(words)
    }

    /// One flag, with its value from behind the equals sign or from the arguments that follow.
    fn flag<'a>(
        &'a self,
        arg: &'a str,
        name: &str,
        value: Option<&str>,
        rest: &mut std::slice::Iter<'a, OsString>,
    ) -> Result<Word<'a>, FlagError> {
        let flag = self.0.get(name).ok_or_else(|| unknown(name))?;
        let mut typed = vec![arg];
        let value = if flag.switch {
            let value = value.unwrap_or("true");
            let on = go_bool(value).ok_or_else(|| not_a_bool(value, name))?;
            on.to_string()
        } else if let Some(value) = value {
            value.to_owned()
        } else {
            let next = rest.next().ok_or_else(|| no_value(name))?;
            let next = next.to_str().ok_or_else(|| not_utf8_value(name))?;
            typed.push(next);
            next.to_owned()
        };
        Ok(Word::Flag {
            name: &flag.name,
            value,
            typed,
        })
    }

    /// A request for help or the version in the place of a flag (D16). A flag that nobody knows is taken for a switch.
    fn find_request(&self, args: &[OsString]) -> Option<FlagError> {
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_encoded_bytes() {
                b"-h" | b"-help" | b"--help" => return Some(FlagError::Help { exit: 0 }),
                b"-v" | b"-version" | b"--version" => return Some(FlagError::Version),
                b"--" => return None,
                _ => {}
            }
            if let Some(Argument::Flag { name, value: None }) = arg.to_str().map(Argument::of)
                && self.0.get(name).is_some_and(|flag| !flag.switch)
            {
                args.next();
            }
        }
        None
    }
}

impl<'a> Argument<'a> {
    fn of(arg: &'a str) -> Self {
        let flag = match arg.strip_prefix('-') {
            None | Some("") => return Self::Positional,
            Some("-") => return Self::EndOfFlags,
            Some(rest) => rest.strip_prefix('-').unwrap_or(rest),
        };
        if flag.starts_with(['-', '=']) {
            return Self::Malformed;
        }
        match flag.split_once('=') {
            Some((name, value)) => Self::Flag {
                name,
                value: Some(value),
            },
            None => Self::Flag {
                name: flag,
                value: None,
            },
        }
    }
}

/// The words as clap cannot misread them, the program's name first.
pub(crate) fn for_clap(words: &[Word<'_>]) -> Vec<OsString> {
    let mut args = vec![OsString::from(env!("CARGO_PKG_NAME"))];
    args.extend(words.iter().filter_map(|word| match word {
        Word::Flag { name, value, .. } => Some(format!("--{name}={value}").into()),
        Word::EndOfFlags | Word::Positional(_) => None,
    }));
    args.push("--".into());
    args.extend(words.iter().filter_map(|word| match word {
        Word::Positional(arg) => Some(OsString::from(arg)),
        Word::EndOfFlags | Word::Flag { .. } => None,
    }));
    args
}

/// What Go's `strconv.ParseBool` reads.
fn go_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// Go treats every other spelling of a help flag as an unknown flag that asks for help: help, but exit code 1 (1.7.2).
fn unknown(name: &str) -> FlagError {
    match name {
        "h" | "help" => FlagError::Help { exit: 1 },
        _ => FlagError::Usage(format!("flag provided but not defined: -{name}")),
    }
}

fn no_value(name: &str) -> FlagError {
    FlagError::Usage(format!("flag needs an argument: -{name}"))
}

fn not_a_bool(value: &str, name: &str) -> FlagError {
    FlagError::Usage(format!(
        "invalid boolean value {} for -{name}: parse error",
        quote(value)
    ))
}

/// The argument as typed, unless that shows a token.
fn bad_syntax(arg: &str) -> String {
    let shown = match arg.split_once('=') {
        Some((name, value)) if name.ends_with("token") && !value.is_empty() => {
            format!("{name}=<redacted>")
        }
        _ => arg.to_owned(),
    };
    format!("bad flag syntax: {shown}")
}

/// An argument that is no text: the value of a flag is left out of the message, it may be a token.
fn not_utf8(arg: &OsString) -> FlagError {
    let bytes = arg.as_encoded_bytes();
    if !bytes.starts_with(b"-") {
        return not_utf8_job(arg);
    }
    let name = bytes.split(|byte| *byte == b'=').next().unwrap_or_default();
    match std::str::from_utf8(name) {
        Ok(name) => not_utf8_value(name.trim_start_matches('-')),
        Err(_) => FlagError::Usage(format!(
            "flag name is not valid UTF-8: {}",
            quote_bytes(name)
        )),
    }
}

fn not_utf8_value(name: &str) -> FlagError {
    FlagError::Usage(format!("invalid value for flag -{name}: not valid UTF-8"))
}

fn not_utf8_job(arg: &OsString) -> FlagError {
    let shown = quote_bytes(arg.as_encoded_bytes());
    FlagError::Usage(format!("job ID is not valid UTF-8: {shown}"))
}

#[cfg(test)]
mod tests;
