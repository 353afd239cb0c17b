//! Colours: whether a stream gets any, and what each kind of line looks like (D17 to D19).

use dialoguer::console;

use super::io::Terminal;
use crate::cli::ColorChoice;
use crate::env::Env;

/// Which stream gets colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Colors {
    pub(crate) stdout: bool,
    pub(crate) stderr: bool,
}

impl Colors {
    /// Nomad's own switches first, then `NO_COLOR` and `CLICOLOR_FORCE`, then what each stream is.
    pub(crate) fn decide(choice: ColorChoice, env: &Env, terminal: Terminal) -> Self {
        let capable = env.get("TERM").is_none_or(|term| term != "dumb");
        let forced = env.get("CLICOLOR_FORCE").is_some_and(|force| force != "0");
        let on = |is_terminal: bool| {
            if choice.no_color {
                false
            } else if choice.force_color {
                true
            } else if env.get("NO_COLOR").is_some() {
                false
            } else {
                forced || (is_terminal && capable)
            }
        };
        Self {
            stdout: on(terminal.stdout),
            stderr: on(terminal.stderr),
        }
    }
}

/// What a line looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    /// A main line.
    Bold,
    /// Detail that only `-verbose` shows.
    Dim,
    /// On stderr.
    Error,
    Warning,
    /// The errors of a batch, above the question about them.
    Alarm,
}

/// The text with the style's codes around each of its lines.
pub(super) fn paint(text: &str, style: Style, color: bool) -> String {
    if !color {
        return text.to_owned();
    }
    text.split('\n')
        .map(|line| paint_line(line, style))
        .collect::<Vec<_>>()
        .join("\n")
}

fn paint_line(line: &str, style: Style) -> String {
    let codes = console::Style::new().force_styling(true);
    let codes = match style {
        // The one cause among the placement failures that waiting never cures.
        Style::Error | Style::Alarm if names_missing_driver(line) => codes.red(),
        Style::Plain => return line.to_owned(),
        Style::Bold => codes.bold(),
        Style::Dim => codes.black().bright(),
        Style::Error => codes.red().bright(),
        Style::Warning => codes.yellow(),
        Style::Alarm => codes.yellow().bright().bold(),
    };
    if line.is_empty() {
        return String::new();
    }
    codes.apply_to(line).to_string()
}

fn names_missing_driver(line: &str) -> bool {
    line.trim_start().starts_with("* Constraint ") && line.contains("missing drivers")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: ColorChoice = ColorChoice {
        no_color: false,
        force_color: false,
    };
    const OFF: ColorChoice = ColorChoice {
        no_color: true,
        ..NONE
    };
    const FORCED: ColorChoice = ColorChoice {
        force_color: true,
        ..NONE
    };
    const BOTH: ColorChoice = ColorChoice {
        no_color: true,
        force_color: true,
    };

    /// stdout is a terminal, stderr is not (or the other way round): each decides for itself.
    #[test]
    fn each_stream_by_flags_then_variables_then_terminal() {
        // N65, D18, D19
        type Variables = &'static [(&'static str, &'static str)];
        let cases: [(ColorChoice, Variables, bool, bool); 17] = [
            // switches, variables, colours on a terminal, colours elsewhere
            (NONE, &[], true, false),
            (NONE, &[("TERM", "xterm-256color")], true, false),
            (NONE, &[("TERM", "dumb")], false, false),
            (NONE, &[("NO_COLOR", "1")], false, false),
            (NONE, &[("NO_COLOR", "")], true, false),
            (NONE, &[("CLICOLOR_FORCE", "1")], true, true),
            (NONE, &[("CLICOLOR_FORCE", "0")], true, false),
            (
                NONE,
                &[("CLICOLOR_FORCE", "1"), ("TERM", "dumb")],
                true,
                true,
            ),
            (
                NONE,
                &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")],
                false,
                false,
            ),
            (OFF, &[], false, false),
            (OFF, &[("CLICOLOR_FORCE", "1")], false, false),
            (FORCED, &[], true, true),
            (FORCED, &[("NO_COLOR", "1")], true, true),
            (FORCED, &[("TERM", "dumb")], true, true),
            (FORCED, &[("NO_COLOR", "1"), ("TERM", "dumb")], true, true),
            (BOTH, &[], false, false),
            (BOTH, &[("CLICOLOR_FORCE", "1")], false, false),
        ];
        for (choice, env, terminal, other) in cases {
            let env = Env::from_pairs(env.iter().copied());
            for (stdout, stderr) in [(true, false), (false, true), (true, true)] {
                let of = |is_terminal| if is_terminal { terminal } else { other };
                let expected = Colors {
                    stdout: of(stdout),
                    stderr: of(stderr),
                };
                let streams = Terminal {
                    stdin: true,
                    stdout,
                    stderr,
                };
                assert_eq!(
                    Colors::decide(choice, &env, streams),
                    expected,
                    "{choice:?} {env:?} {streams:?}"
                );
            }
        }
    }

    #[test]
    fn each_line_is_painted_on_its_own() {
        let painted = paint("one\n\n  two", Style::Bold, true);
        assert_eq!(painted, "\u{1b}[1mone\u{1b}[0m\n\n\u{1b}[1m  two\u{1b}[0m");
        assert_eq!(paint("one\ntwo", Style::Bold, false), "one\ntwo");
        assert_eq!(paint("one", Style::Plain, true), "one");
    }

    #[test]
    fn a_missing_driver_stands_out() {
        let line = "    * Constraint \"missing drivers\": 1 nodes excluded by filter";
        assert!(paint(line, Style::Error, true).starts_with("\u{1b}[31m"));
        let line = "    * Constraint \"${attr.kernel.name} = linux\": 1 nodes excluded by filter";
        assert!(!paint(line, Style::Error, true).starts_with("\u{1b}[31m"));
    }
}
