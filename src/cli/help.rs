//! The help text, made from the clap command: clap itself cannot show options with one dash.
//!
//! Sections are clap's help headings in the order of their declaration; names, values, defaults and descriptions come from the
//! same place. Only what is no option is written here.

const WIDTH: usize = 80;
/// Columns in front of a description.
const INDENT: usize = 6;

const INTRODUCTION: &str = "\
Usage: nomad-restart [options] <job>

  Restart the allocations of a Nomad job in batches. The next batch begins when
  every allocation of the last one runs again. By default the running tasks of
  one allocation at a time are restarted in place; with -reschedule allocations
  are stopped and their replacements awaited.

  <job> is a job ID, or a prefix that matches one job. Options are written with
  one or two dashes, before or after the job, their value after an equals sign
  or as the next argument; -- ends them. Where an environment variable is named,
  it counts when the option is not given.";

const CLOSING: &str = "\
Help:

  -help, -h
      Print this text.

  -version, -v
      Print the version.

Durations:

  Numbers with a unit, such as 30s, 1m30s, 1.5h, 2d or \"1h 30m\". Units are ns,
  us, ms, s, m, h, d and w.

ACL capabilities, in the job's namespace:

  any run                       read-job
  <job> is a prefix             list-jobs, to find the job
  in place, or -reschedule      alloc-lifecycle
  -reschedule of a system job   evaluate-job (Nomad 1.11.2 and later) or
                                submit-job as well
  a failed task's last lines    read-logs or read-fs; left out without it

Other environment variables:

  NOMAD_HTTP_AUTH (user:password for the agent), HTTP_PROXY, HTTPS_PROXY,
  NO_PROXY, NO_COLOR, CLICOLOR_FORCE, TZ.

Exit codes:

  0    Done, nothing to restart, or declined at a question
  1    Any error
  129, 130, 141, 143
       Ended by a hang-up, an interrupt, a closed output, or SIGTERM

  With -detailed-exitcode, 0 and 1 mean less, and there are more:

  0    Done, or nothing to restart
  1    A wrong command line or name, no connection, no permission
  2    Stopped because a replacement could not be placed
  3    All were tried, and some failed
  4    Stopped because of what failed, was lost or took too long
  5    An active deployment, a job that was stopped, a prefix of several jobs
  6    Declined at a question
  7    -dry-run found allocations to restart";

/// The whole help text, without a line end at its end.
pub(crate) fn text(command: &clap::Command) -> String {
    let mut text = INTRODUCTION.to_owned();
    let mut section = None;
    for arg in command.get_arguments() {
        let Some(name) = arg.get_long() else { continue };
        if arg.get_help_heading() != section {
            section = arg.get_help_heading();
            text.push_str("\n\n");
            text.push_str(section.unwrap_or("Options"));
            text.push(':');
        }
        text.push_str("\n\n  -");
        text.push_str(name);
        if let Some(value) = value_name(arg) {
            text.extend(["=<", value, ">"]);
        }
        for line in wrapped(&description(arg)) {
            text.push('\n');
            text.push_str(&" ".repeat(INDENT));
            text.push_str(&line);
        }
    }
    text.push_str("\n\n");
    text.push_str(CLOSING);
    text
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

/// The help text, and the default of an option that takes a value.
fn description(arg: &clap::Arg) -> String {
    let mut text = arg.get_help().map(ToString::to_string).unwrap_or_default();
    if value_name(arg).is_some()
        && let [default] = arg.get_default_values()
    {
        text.extend([" Defaults to ", &*default.to_string_lossy(), "."]);
    }
    text
}

/// Lines that fit beside the indentation.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if INDENT + line.len() + 1 + word.len() <= WIDTH => {
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
