//! Which scenario is tested where: one row for each number of the catalogue of what the peer command does, in three tables.
//!
//! - [`peer`]: T1–T70, the peer's own tests.
//! - [`beyond`]: N1–N71, situations that those leave out.
//! - [`defects`]: D1–D83, the peer's defects and odd behaviours.
//!
//! A row names its tests by file and function, and each of them names the scenario in a comment. A row without a test begins its third
//! column with "not kept" and says why. The tests below hold the tables against the tree.

mod beyond;
mod defects;
mod peer;

use std::collections::BTreeMap;
use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

/// The three series and how many numbers each has.
const SERIES: [(char, u32); 3] = [('T', 70), ('N', 71), ('D', 83)];
const TABLES: [&str; 3] = ["peer.rs", "beyond.rs", "defects.rs"];

/// A scenario: its series and its number.
type Scenario = (char, u32);

#[derive(Debug)]
struct Row {
    what: String,
    here: String,
    /// File and function of each test.
    tests: Vec<(String, String)>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All rows of the tables; a number that has two is a failure.
fn rows() -> BTreeMap<Scenario, Row> {
    let mut rows = BTreeMap::new();
    for table in TABLES {
        let text = read(&format!("tests/it/scenarios/{table}"));
        for line in text.lines().filter_map(|line| line.strip_prefix("//! | ")) {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let [number, what, here, tests, ""] = cells[..] else {
                panic!("{table}: {line}");
            };
            if number.is_empty() {
                continue;
            }
            let [(series, numbers)] = &scenarios(number)[..] else {
                panic!("{table}: no scenario {number:?}");
            };
            let row = Row {
                what: what.to_owned(),
                here: here.to_owned(),
                tests: tests_of(tests),
            };
            let twice = rows.insert((*series, *numbers.start()), row);
            assert!(twice.is_none(), "{number} is there twice");
        }
    }
    rows
}

/// The cell `` `file`: `test`, `test`; `file`: `test` ``, taken apart.
fn tests_of(cell: &str) -> Vec<(String, String)> {
    let mut file = "";
    let mut tests = Vec::new();
    for word in cell.split('`').skip(1).step_by(2) {
        if Path::new(word).extension().is_some() {
            file = word;
        } else {
            tests.push((file.to_owned(), word.to_owned()));
        }
    }
    tests
}

/// The scenarios that a text names: `N43`, `T8–T13`, `T56 to T61`.
fn scenarios(text: &str) -> Vec<(char, RangeInclusive<u32>)> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut found: Vec<(char, RangeInclusive<u32>)> = Vec::new();
    // What stands between the last scenario and this word, if nothing but this does.
    let mut between = None;
    let mut rest = text;
    while let Some(start) = rest.find(is_part) {
        let (separator, from) = rest.split_at(start);
        let (word, after) = from.split_at(from.find(|c| !is_part(c)).unwrap_or(from.len()));
        rest = after;
        if let Some((series, number)) = scenario(word) {
            match found.last_mut() {
                Some((same, range)) if *same == series && between == Some(separator) => {
                    *range = *range.start()..=number;
                }
                _ => found.push((series, number..=number)),
            }
            between = Some("–");
        } else if word == "to" && between.is_some() && separator == " " {
            between = Some(" ");
        } else {
            between = None;
        }
    }
    found
}

/// The scenario whose name the word is.
fn scenario(word: &str) -> Option<Scenario> {
    let (series, _) = SERIES
        .iter()
        .find(|(series, _)| word.starts_with(*series))?;
    let number = &word[1..];
    let is_number = (1..=2).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| Some((*series, number.parse().ok()?)))?
}

/// The function with what stands above it: attributes and comments, up to an empty line.
fn function<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let at = ["fn ", "async fn "].iter().find_map(|start| {
        let signature = format!("{start}{name}(");
        text.find(&signature).filter(|at| {
            let line = text[..*at].rfind('\n').map_or(0, |end| end + 1);
            text[line..*at].trim().is_empty() || text[line..*at].trim() == "async"
        })
    })?;
    let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let indent = text[line..].len() - text[line..].trim_start_matches(' ').len();
    let start = text[..at].rfind("\n\n").unwrap_or(0);
    let end = format!("\n{}}}\n", " ".repeat(indent));
    let end = text[at..].find(&end).map_or(text.len(), |end| at + end);
    Some(&text[start..end])
}

#[test]
fn every_scenario_has_one_row_with_a_test_or_a_reason() {
    let rows = rows();
    let expected: Vec<Scenario> = SERIES
        .iter()
        .flat_map(|(series, last)| (1..=*last).map(|number| (*series, number)))
        .collect();
    for scenario in &expected {
        assert!(rows.contains_key(scenario), "{scenario:?} has no row");
    }
    assert_eq!(rows.len(), expected.len());
    for (scenario, row) in rows {
        assert!(!row.what.is_empty() && !row.here.is_empty(), "{scenario:?}");
        let reason = row.here.strip_prefix("not kept: ").unwrap_or("");
        assert_ne!(
            row.tests.is_empty(),
            reason.is_empty(),
            "{scenario:?} has neither a test nor a reason, or both: {row:?}"
        );
    }
}

#[test]
fn every_named_test_is_there_and_names_its_scenario() {
    let mut wrong = Vec::new();
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    for ((series, number), row) in rows() {
        for (file, test) in row.tests {
            let text = texts.entry(file.clone()).or_insert_with(|| read(&file));
            let Some(function) = function(text, &test) else {
                wrong.push(format!("{series}{number}: no {test} in {file}"));
                continue;
            };
            let is_test = function.contains("#[test]") || function.contains("#[tokio::test");
            let comments: Vec<_> = function.lines().filter_map(comment).collect();
            let named = scenarios(&comments.join("\n"));
            if !is_test
                || !named
                    .iter()
                    .any(|(s, range)| *s == series && range.contains(&number))
            {
                wrong.push(format!(
                    "{series}{number}: {test} in {file} does not say so"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a line says in a comment.
fn comment(line: &str) -> Option<&str> {
    line.split_once("//").map(|(_, comment)| comment)
}

/// All files with Rust code under a directory of the repository.
fn sources(directory: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(root().join(directory)).unwrap() {
        let path = directory.join(entry.unwrap().file_name());
        if root().join(&path).is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") {
            found.push(path.to_str().unwrap().to_owned());
        }
    }
}

#[test]
fn every_comment_that_names_a_scenario_has_a_row() {
    let rows = rows();
    let mut files = Vec::new();
    for directory in ["src", "tests/it"] {
        sources(Path::new(directory), &mut files);
    }
    let mut wrong = Vec::new();
    for file in files {
        let text = read(&file);
        let comments = text.lines().filter_map(comment);
        for (series, range) in comments.flat_map(scenarios) {
            for number in [*range.start(), *range.end()] {
                if !rows.contains_key(&(series, number)) {
                    wrong.push(format!("{file}: {series}{number}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn scenarios_are_recognised() {
    for (text, expected) in [
        ("T1", vec![('T', 1..=1)]),
        ("T8–T13, N49; 1.5.4", vec![('T', 8..=13), ('N', 49..=49)]),
        (
            "T56 to T61 (D2), N7.",
            vec![('T', 56..=61), ('D', 2..=2), ('N', 7..=7)],
        ),
        ("A7, b10, HTTP2, N100, XT4, T4x, TD5", vec![]),
        (
            "T1 to N3, D4 or D5",
            vec![('T', 1..=1), ('N', 3..=3), ('D', 4..=4), ('D', 5..=5)],
        ),
        ("2026-08-12T17:36:31Z", vec![]),
        ("Debug and Nomad", vec![]),
    ] {
        assert_eq!(scenarios(text), expected, "{text}");
    }
}
