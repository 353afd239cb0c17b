//! The picture at the top of the README: the real binary at a pseudo-terminal, restarting a job of the demo cluster, as SVG.
//!
//! `cargo test --test it picture -- --ignored` makes it again: the file in `tests/demo`, and the lines of the same run in the README. What is
//! there is checked in every run of the tests.

mod svg;

use std::io::{ErrorKind, Read};
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::process::Command;

use rexpect::process::PtyProcess;
use vt100::{Parser, Screen};

use crate::support::Served;

/// As in the demo itself.
const SEED: u64 = 7;
const ARGS: [&str; 2] = ["-batch-size=40%", "example"];
/// The lines of the run are up to 90 columns wide.
const COLUMNS: NonZeroU16 = NonZeroU16::new(96).unwrap();
const ROWS: NonZeroU16 = NonZeroU16::new(24).unwrap();
/// The picture must load at once.
const LARGEST: usize = 60 * 1024;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn picture() -> PathBuf {
    root().join("tests/demo/run.svg")
}

/// How the lines of the run stand in the README.
fn capture_begins() -> String {
    format!("```console\n$ nomad-restart {}\n", ARGS.join(" "))
}

/// The capture of the run in the README, without the command, and where it stands.
fn capture(readme: &str) -> (std::ops::Range<usize>, &str) {
    let begin = capture_begins();
    let from = readme.find(&begin).unwrap() + begin.len();
    let length = readme[from..].find("```").unwrap();
    (from..from + length, &readme[from..from + length])
}

/// What the terminal showed after each piece that the program wrote.
fn screens(served: &Served) -> Vec<Screen> {
    let mut command = Command::new("/bin/sh");
    command
        .args([
            "-c",
            r#"stty rows "$1" cols "$2"; shift 2; program=$1; shift; echo "$ nomad-restart $*"; exec "$program" "$@""#,
            "sh",
        ])
        .args([ROWS, COLUMNS].map(|it| it.to_string()))
        .arg(env!("CARGO_BIN_EXE_nomad-restart"))
        .args(ARGS)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("NOMAD_ADDR", &served.address)
        .env("TERM", "xterm-256color")
        .env("TZ", "UTC");
    let process = PtyProcess::new(command).unwrap();
    let mut terminal = process.get_file_handle().unwrap();
    let mut parser = Parser::new(ROWS, COLUMNS, 0);
    let mut screens = Vec::new();
    let mut piece = [0; 4096];
    loop {
        match terminal.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => {
                parser.process(&piece[..read]);
                screens.push(parser.screen().clone());
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // The other end of a terminal was closed.
            Err(_) => break,
        }
    }
    screens
}

fn filled(screen: &Screen) -> usize {
    screen.contents().trim_end().lines().count()
}

/// The last of the fullest screens on which `text` is the newest of the lines that stay.
fn in_the_middle<'a>(screens: &'a [Screen], text: &str) -> &'a Screen {
    let newest = |screen: &Screen| {
        let contents = screen.contents();
        contents
            .lines()
            .rfind(|line| line.starts_with("==>"))
            .is_some_and(|line| line.contains(text))
    };
    screens
        .iter()
        .filter(|screen| newest(screen))
        .max_by_key(|screen| filled(screen))
        .unwrap()
}

#[test]
#[ignore = "writes the picture and the README"]
fn make() {
    let served = Served::start(|| nomad_sim::demo::cluster(SEED));
    let screens = screens(&served);
    let last = screens.last().unwrap();
    let moments = [
        in_the_middle(&screens, "1st batch"),
        in_the_middle(&screens, "2nd batch"),
        last,
    ];
    std::fs::write(picture(), svg::picture(&moments)).unwrap();

    let shown = last.contents();
    let (_, lines) = shown.split_once('\n').unwrap();
    let readme = root().join("README.md");
    let text = std::fs::read_to_string(&readme).unwrap();
    let (place, _) = capture(&text);
    let text = format!(
        "{}{}\n{}",
        &text[..place.start],
        lines.trim_end(),
        &text[place.end..]
    );
    std::fs::write(readme, text).unwrap();
}

#[test]
fn the_picture_shows_the_run_of_the_readme() {
    let picture = std::fs::read_to_string(picture()).unwrap();
    assert!(picture.len() <= LARGEST, "{} bytes", picture.len());
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    assert!(readme.contains("(tests/demo/run.svg)"));
    let (_, lines) = capture(&readme);
    for line in lines.lines().filter(|line| !line.is_empty()) {
        let line = svg::escaped(line.trim_start());
        assert!(picture.contains(&format!(">{line}<")), "not shown: {line}");
    }
    for private in ["/home/", "/tmp/", "/work", "http://127"] {
        assert!(!picture.contains(private), "{private}");
    }
}
