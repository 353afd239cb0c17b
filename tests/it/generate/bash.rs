//! The completion script in bash, typed at and called.

use super::{Typist, command, generated, installed, shortest, shown, workplace};

const QUIET: &str = "bind 'set enable-bracketed-paste off'";

fn typist(directory: &std::path::Path, more: &str) -> Typist {
    let mut bash = command("bash", directory);
    bash.args(["--norc", "--noprofile", "-i"]);
    Typist::at(bash, &[QUIET, more, "source ./script"])
}

#[test]
fn completes_options_and_values() {
    if !installed("bash") {
        return;
    }
    let directory = workplace("bash");
    let mut bash = typist(directory.path(), ":");
    let options = shown();
    for option in &options {
        let typed = shortest(option, &options);
        // A value is typed right behind its option; after a switch the next word begins.
        let end = if option.value.is_some() { "=" } else { " " };
        let completed = bash.complete(&format!("{typed}\t"));
        assert_eq!(completed, format!("{}{end}", option.name));
        for word in option.words() {
            let (name, first) = (&option.name, &word[..1]);
            for (before, dashes) in [("=", ""), (" ", ""), ("=", "-")] {
                let completed = bash.complete(&format!("{dashes}{name}{before}{first}\t"));
                assert_eq!(completed, format!("{dashes}{name}{before}{word} "));
            }
        }
    }
}

#[test]
fn completes_paths() {
    if !installed("bash") {
        return;
    }
    let directory = workplace("bash");
    let mut bash = typist(directory.path(), ":");
    assert_eq!(
        bash.complete("-client-key=on\t"),
        r"-client-key=one\ file.pem "
    );
    assert_eq!(
        bash.complete("-yes -ca-cert on\t"),
        r"-yes -ca-cert one\ file.pem "
    );
    assert_eq!(bash.complete("-ca-path cert\t"), "-ca-path certificates/");
    // No directory, and a job is no file.
    assert_eq!(bash.complete("-ca-path on\t"), "-ca-path on");
    assert_eq!(bash.complete("on\t"), "on");
    assert_eq!(bash.complete("-- -on-e\t"), "-- -on-e");
}

// Some take the equals sign out of the characters that break words.
#[test]
fn completes_values_where_the_equals_sign_breaks_no_word() {
    if !installed("bash") {
        return;
    }
    let directory = workplace("bash");
    let mut bash = typist(directory.path(), "COMP_WORDBREAKS=${COMP_WORDBREAKS//=}");
    assert_eq!(bash.complete("-on-error=f\t"), "-on-error=fail ");
    assert_eq!(bash.complete("--on-error=f\t"), "--on-error=fail ");
    assert_eq!(bash.complete("-on-error f\t"), "-on-error fail ");
}

#[test]
fn is_clean_to_shellcheck() {
    if !installed("shellcheck") {
        return;
    }
    let directory = workplace("bash");
    let checked = command("shellcheck", directory.path())
        .args(["--shell=bash", "script"])
        .output()
        .unwrap();
    let found = String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success(), "{found}\n{}", generated("bash"));
}
