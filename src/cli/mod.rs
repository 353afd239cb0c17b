//! The command line: what was typed, read by the rules of Go's flag package and checked, or the reason why it cannot be.
//!
//! argv goes through [`go_flags`] (one or two dashes, `-x=v` and `-x v`, the exact error texts) into a form that clap reads
//! without doubt, through clap into [`options::Options`], and through [`crate::plan`] into a validated plan. Options are declared
//! once, in [`options`]: names, arity and help text come from there.

pub(crate) mod duration;
mod generate;
mod go_flags;
mod help;
mod manual;
pub(crate) mod options;
pub(crate) mod quote;
#[cfg(test)]
mod readme;
mod resume;
mod table;

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches};

use crate::env::Env;
use crate::nomad::config::ConnectionFlags;
use crate::plan::{self, RestartPlan, UsageError};

use go_flags::{FlagError, Flags, Word};
use options::Options;
pub(crate) use resume::Typed;

/// The last line after every usage error.
const HINT: &str = "For additional help try 'nomad-restart -help'";

/// What the command line asks for. Texts have no line end at their end.
pub(crate) enum Request {
    /// Print the help on stdout and exit with this code.
    Help {
        text: String,
        exit: u8,
    },
    /// The version, a completion script or the man page: print this on stdout and exit with 0.
    Text(String),
    /// Print the message, then each hint on a line of its own, on stderr and exit with 1.
    Usage {
        message: String,
        hints: Vec<String>,
    },
    Run(Box<Invocation>),
}

/// A valid command line. It holds a token, so it has no `Debug`.
pub(crate) struct Invocation {
    pub(crate) plan: RestartPlan,
    pub(crate) connection: ConnectionFlags,
    pub(crate) color: ColorChoice,
    /// Options that have no effect in this combination, one sentence each: for stderr, before anything else.
    pub(crate) warnings: Vec<String>,
    pub(crate) typed: Typed,
}

/// Nomad's own colour switches, from flags and environment. What `NO_COLOR` and the like say counts only when both are off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ColorChoice {
    /// Wins over `force_color`.
    pub(crate) no_color: bool,
    pub(crate) force_color: bool,
}

/// Reads the command line. `args` starts with the program's name, as the operating system hands it over; `interactive` says that
/// both stdin and stdout are terminals.
pub(crate) fn parse(args: &[OsString], env: &Env, interactive: bool) -> Request {
    let command = Options::command();
    let flags = Flags::of(&command);
    let words = match flags.read(args.get(1..).unwrap_or_default()) {
        Ok(words) => words,
        Err(FlagError::Help { exit }) => {
            return Request::Help {
                text: help::text(&command),
                exit,
            };
        }
        Err(FlagError::Version) => {
            return Request::Text(format!("nomad-restart v{}", env!("CARGO_PKG_VERSION")));
        }
        Err(FlagError::Usage(message)) => return usage(UsageError::new(message)),
    };

    let options = match read_options(command.clone(), &words) {
        Ok(options) => options,
        Err(error) => return usage(error),
    };
    // Wants no job, so it comes before all that does.
    if let Some(value) = &options.output.generate {
        return generate::text(&command, value).map_or_else(usage, Request::Text);
    }
    match plan::validate(&options, interactive) {
        Ok(plan::Validated { plan, warnings }) => Request::Run(Box::new(Invocation {
            typed: Typed::new(args.first(), &words, plan.pause),
            color: color_choice(&options, env),
            connection: options.connection.into_flags(),
            plan,
            warnings,
        })),
        Err(error) => usage(error),
    }
}

/// Hands the words to clap in the one form that it cannot misread.
fn read_options(command: clap::Command, words: &[Word<'_>]) -> Result<Options, UsageError> {
    command
        .try_get_matches_from(go_flags::for_clap(words))
        .and_then(|matches| Options::from_arg_matches(&matches))
        // Not reached as long as the declarations leave all checks to `plan`. The error's own text may quote a token.
        .map_err(|error| UsageError::new(format!("Invalid command line: {}", error.kind())))
}

fn usage(error: UsageError) -> Request {
    let UsageError { message, mut hints } = error;
    hints.push(HINT.to_owned());
    Request::Usage { message, hints }
}

/// A flag that was given counts, on or off; else the variable does, whatever it holds.
fn color_choice(options: &Options, env: &Env) -> ColorChoice {
    let set = |flag: Option<bool>, variable| flag.unwrap_or(env.get(variable).is_some());
    ColorChoice {
        no_color: set(options.output.no_color, "NOMAD_CLI_NO_COLOR"),
        force_color: set(options.output.force_color, "NOMAD_CLI_FORCE_COLOR"),
    }
}

#[cfg(test)]
mod tests;
