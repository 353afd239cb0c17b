//! `-generate`: what it prints is read by the shells and by man themselves, where they are installed.
//!
//! What is expected comes from `-help`, so that an option which one of them lacks is found. A tool that is not installed is skipped and
//! says so; with `NOMAD_RESTART_SHELLS_REQUIRED` set, as on the build server, that fails.

mod bash;
mod fish;
mod man;
mod zsh;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rexpect::session::{Options, PtySession, spawn_with_options};

use crate::support::Program;

/// An option as `-help` shows it.
struct Shown {
    /// With its dash.
    name: String,
    /// The text between the angle brackets; `None` for a switch.
    value: Option<String>,
}

impl Shown {
    /// The words that the option takes, as far as it names some.
    fn words(&self) -> Vec<&str> {
        match self.value.as_deref() {
            // What takes anything has one word for it, and some take a word besides.
            Some("duration|ask") => vec!["ask"],
            Some("n|n%") | None => vec![],
            Some(value) if value.contains('|') => value.split('|').collect(),
            Some(_) => vec![],
        }
    }
}

/// All options in the help text, `-help` and `-version` included.
fn shown() -> Vec<Shown> {
    let help = Program::new(["-help"]).run().ended_with(0).stdout;
    let lines = help.lines().filter_map(|line| line.strip_prefix("  -"));
    let options: Vec<_> = lines
        .filter(|line| !line.contains("  "))
        .map(|line| {
            let option = line.split(',').next().unwrap();
            let (name, value) = match option.split_once("=<") {
                Some((name, value)) => (name, Some(value.trim_end_matches('>').to_owned())),
                None => (option, None),
            };
            let name = format!("-{name}");
            Shown { name, value }
        })
        .collect();
    assert!(options.len() > 30, "{help}");
    options
}

/// What has to be typed of an option until it can be no other.
fn shortest(option: &Shown, all: &[Shown]) -> String {
    let name = &option.name;
    let unique = |typed: &&str| {
        let others = all.iter().filter(|it| it.name.starts_with(typed));
        others.count() == 1
    };
    (2..name.len())
        .map(|length| &name[..length])
        .find(unique)
        .unwrap_or(name)
        .to_owned()
}

/// What `-generate` prints.
fn generated(what: &str) -> String {
    Program::new(["-generate", what])
        .run()
        .ended_with(0)
        .said("")
        .stdout
}

/// Is the tool there? If not, says so.
fn installed(tool: &str) -> bool {
    let search = std::env::var_os("PATH").unwrap();
    let there = std::env::split_paths(&search).any(|path| path.join(tool).is_file());
    if !there {
        skip(tool);
    }
    there
}

#[expect(clippy::print_stderr, reason = "a skipped test has no other voice")]
fn skip(tool: &str) {
    assert!(
        std::env::var_os("NOMAD_RESTART_SHELLS_REQUIRED").is_none(),
        "{tool} is not installed"
    );
    eprintln!("SKIPPED: {tool} is not installed");
}

/// A command with an environment of its own, in a directory of its own.
fn command(tool: &str, directory: &Path) -> Command {
    let mut command = Command::new(tool);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", directory)
        .env("TERM", "dumb")
        .env("LC_ALL", "C.UTF-8")
        .env("PS1", "$ ")
        .current_dir(directory)
        .stdin(Stdio::null());
    command
}

/// A directory with the script and with a file and a directory to complete.
fn workplace(shell: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    std::fs::write(path.join("script"), generated(shell)).unwrap();
    std::fs::write(path.join("one file.pem"), "").unwrap();
    std::fs::create_dir(path.join("certificates")).unwrap();
    directory
}

/// A shell that a person types into.
struct Typist(PtySession);

impl Typist {
    /// Starts it, and gives it its first lines.
    fn at(mut command: Command, first: &[&str]) -> Self {
        for set in [Command::stdin, Command::stdout, Command::stderr] {
            set(&mut command, Stdio::inherit());
        }
        let patience = u64::try_from(Duration::from_secs(60).as_millis()).unwrap();
        let options = Options::new().timeout_ms(Some(patience));
        let mut session = spawn_with_options(command, options).unwrap();
        for line in first {
            session.send_line(line).unwrap();
        }
        session
            .send_line("show() { printf 'it is [%s]\\n' \"$1\"; }")
            .unwrap();
        Self(session)
    }

    /// The line behind the command once the keys have been pressed, by what the shell passes on when it runs it in quotes.
    fn complete(&mut self, keys: &str) -> String {
        // Ctrl-A and Ctrl-E go to the ends of the line.
        let line = format!("nomad-restart {keys}\x01show \"\x05\"\r");
        self.0.send(&line).unwrap();
        self.0.flush().unwrap();
        self.0.exp_string("it is [nomad-restart ").unwrap();
        self.0.exp_string("]").unwrap()
    }
}

impl Drop for Typist {
    /// An interactive shell does not heed SIGTERM, for which the session would wait.
    fn drop(&mut self) {
        let _gone = self.0.send("\x15exit\r").and_then(|_| self.0.flush());
    }
}

#[test]
fn needs_no_job_and_no_agent() {
    let nowhere = |args: &[&str]| {
        Program::new(args)
            .env("NOMAD_ADDR", "http://127.0.0.1:1")
            .run()
    };
    let man = nowhere(&["-generate=man"]).ended_with(0).said("");
    assert!(man.stdout.starts_with(".TH NOMAD-RESTART 1 "));
    // Jobs and other options do not matter, however wrong they are.
    let same = nowhere(&["-on-error=x", "-generate", "MAN", "a", "b"]);
    assert_eq!(same.ended_with(0).said("").stdout, man.stdout);
    nowhere(&["-generate=csh", "web"])
        .ended_with(1)
        .printed_nothing()
        .said(
            "Invalid -generate value \"csh\": valid options are \"bash\", \"zsh\", \"fish\" and \"man\"\n\
             For additional help try 'nomad-restart -help'\n",
        );
}
