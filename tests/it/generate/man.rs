//! The man page, as man and mandoc read it.

use super::{command, installed, shown, workplace};

#[test]
fn renders_without_a_warning() {
    if !installed("man") {
        return;
    }
    let directory = workplace("man");
    // As the Debian archive checks pages.
    let read = command("man", directory.path())
        .env("MANROFFSEQ", "")
        .env("MANWIDTH", "80")
        .args(["--warnings", "-E", "UTF-8", "-l", "-Tutf8", "./script"])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&read.stderr), "");
    assert!(read.status.success());
    // Without backspaces and escape sequences, and hyphens as they can be typed.
    let text = plain(&String::from_utf8(read.stdout).unwrap());
    for option in shown() {
        let value = option.value.map(|value| format!("=<{value}>"));
        let line = format!("{}{}", option.name, value.unwrap_or_default());
        let there = text.lines().any(|it| {
            let it = it.trim();
            it == line || it.starts_with(&format!("{line} ")) || it.starts_with(&format!("{line},"))
        });
        assert!(there, "{line} is missing in:\n{text}");
    }
    for heading in [
        "NAME",
        "SYNOPSIS",
        "DESCRIPTION",
        "OPTIONS",
        "EXIT CODES",
        "EXAMPLES",
    ] {
        assert!(text.lines().any(|line| line == heading), "{heading}");
    }
}

/// The text without overstriking and terminal sequences.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\u{8}' => {
                plain.pop();
            }
            '\u{1b}' => {
                chars.by_ref().find(char::is_ascii_alphabetic);
            }
            c => plain.push(c),
        }
    }
    plain
}

#[test]
fn is_clean_to_mandoc() {
    if !installed("mandoc") {
        return;
    }
    let directory = workplace("man");
    let checked = command("mandoc", directory.path())
        .args(["-Tlint", "-W", "all", "script"])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&checked.stdout), "");
    assert_eq!(String::from_utf8_lossy(&checked.stderr), "");
    assert!(checked.status.success());
}
