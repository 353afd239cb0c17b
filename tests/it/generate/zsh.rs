//! The completion script in zsh, sourced and autoloaded.

use super::{Typist, command, installed, shortest, shown, workplace};

const COMPINIT: &str = "autoload -Uz compinit && compinit -u -D";

fn typist(directory: &std::path::Path, load: &[&str]) -> Typist {
    let mut zsh = command("zsh", directory);
    zsh.args(["-f", "-i"]);
    Typist::at(zsh, load)
}

#[test]
fn completes_options_and_values() {
    if !installed("zsh") {
        return;
    }
    let directory = workplace("zsh");
    let mut zsh = typist(directory.path(), &[COMPINIT, "source ./script"]);
    let options = shown();
    for option in &options {
        let typed = shortest(option, &options);
        // The shell takes back what it put behind the option when the cursor leaves.
        assert_eq!(zsh.complete(&format!("{typed}\t")), option.name);
        for word in option.words() {
            let (name, first) = (&option.name, &word[..1]);
            for before in ["=", " "] {
                let completed = zsh.complete(&format!("{name}{before}{first}\t"));
                assert_eq!(completed, format!("{name}{before}{word}"));
            }
        }
    }
    // What it put there stays when a value follows.
    assert_eq!(zsh.complete("-on-er\tf\t"), "-on-error=fail");
    assert_eq!(zsh.complete("-ye\t-on-er\tf\t"), "-yes -on-error=fail");
}

#[test]
fn completes_paths_and_repeated_options() {
    if !installed("zsh") {
        return;
    }
    let directory = workplace("zsh");
    std::fs::rename(
        directory.path().join("script"),
        directory.path().join("_nomad-restart"),
    )
    .unwrap();
    // As a package installs it.
    let mut zsh = typist(directory.path(), &["fpath=($PWD $fpath)", COMPINIT]);
    assert_eq!(
        zsh.complete("-client-key=on\t"),
        r"-client-key=one\ file.pem"
    );
    assert_eq!(zsh.complete("-ca-cert on\t"), r"-ca-cert one\ file.pem");
    assert_eq!(zsh.complete("-ca-path cert\t"), "-ca-path certificates");
    assert_eq!(zsh.complete("-ca-path on\t"), "-ca-path on");
    assert_eq!(zsh.complete("on\t"), "on");
    assert_eq!(zsh.complete("-group=a -gr\t"), "-group=a -group");
    assert_eq!(zsh.complete("-yes web -on-e\t"), "-yes web -on-error");
    assert_eq!(zsh.complete("-- -on-e\t"), "-- -on-e");
}
