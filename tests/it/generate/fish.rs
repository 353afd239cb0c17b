//! The completion script in fish, asked through `complete -C`.

use std::fmt::Write;
use std::path::Path;

use super::{command, installed, shortest, shown, workplace};

/// The candidates for each command line behind the command, without their descriptions.
fn completed(directory: &Path, lines: &[String]) -> Vec<Vec<String>> {
    let mut script = "source ./script\n".to_owned();
    for line in lines {
        let _ = writeln!(script, "complete -C 'nomad-restart {line}'\necho ---");
    }
    let asked = command("fish", directory)
        .args(["--no-config", "-c", &script])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&asked.stderr), "");
    let stdout = String::from_utf8(asked.stdout).unwrap();
    let answers: Vec<_> = stdout
        .split_terminator("---\n")
        .map(|answer| {
            let candidates = answer.lines();
            candidates
                .map(|line| line.split('\t').next().unwrap().to_owned())
                .collect()
        })
        .collect();
    assert_eq!(answers.len(), lines.len(), "{stdout}");
    answers
}

#[test]
fn completes_options_and_values() {
    if !installed("fish") {
        return;
    }
    let directory = workplace("fish");
    let options = shown();
    let mut lines = vec![];
    let mut expected = vec![];
    for option in &options {
        let name = &option.name;
        lines.push(shortest(option, &options));
        expected.push(vec![name.clone()]);
        for word in option.words() {
            let first = &word[..1];
            lines.push(format!("{name}={first}"));
            expected.push(vec![format!("{name}={word}")]);
            lines.push(format!("{name} {first}"));
            expected.push(vec![word.to_owned()]);
        }
    }
    assert_eq!(completed(directory.path(), &lines), expected);
}

#[test]
fn completes_paths() {
    if !installed("fish") {
        return;
    }
    let directory = workplace("fish");
    let cases = [
        ("-client-key=on", "-client-key=one file.pem"),
        ("-yes -ca-cert on", "one file.pem"),
        ("-ca-path cert", "certificates/"),
        ("-ca-path on", ""),
        ("on", ""),
    ];
    let lines = cases.map(|(line, _)| line.to_owned());
    let candidates = completed(directory.path(), &lines);
    assert_eq!(
        candidates.iter().map(|it| it.join(",")).collect::<Vec<_>>(),
        cases.map(|it| it.1)
    );
}
