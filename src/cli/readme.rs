//! The option reference of the README, held against the option table.

use clap::CommandFactory;

use super::options::Options;
use super::table;

const BEGIN: &str = "<!-- options: written by a test, see CONTRIBUTING.md -->\n";
const END: &str = "<!-- end of options -->\n";
/// Set, the test writes the reference instead of comparing it.
const WRITE: &str = "NOMAD_RESTART_WRITE_README";

fn reference() -> String {
    let command = Options::command();
    let mut text = String::new();
    let mut section = "";
    for entry in table::entries(&command) {
        if entry.section != section {
            section = entry.section;
            text.extend(["\n### ", section, "\n\n| option | meaning |\n|---|---|\n"]);
        }
        let value = entry.value.map(|value| format!("=<{value}>"));
        let option = format!("-{}{}", entry.name, value.unwrap_or_default());
        // A bar ends a cell, also in code; and a lone asterisk or angle bracket is a text's own.
        let option = option.replace('|', r"\|");
        let meaning = entry.description().replace('|', r"\|").replace('*', r"\*");
        text.extend(["| `", &option, "` | ", &meaning, " |\n"]);
    }
    text.push('\n');
    text
}

#[test]
fn the_readme_lists_the_options() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).unwrap();
    let (listed, after) = rest.split_once(END).unwrap();
    let reference = reference();
    if listed != reference && std::env::var_os(WRITE).is_some() {
        std::fs::write(path, [before, BEGIN, &reference, END, after].concat()).unwrap();
        return;
    }
    assert_eq!(
        listed, reference,
        "the README lists other options: set {WRITE}=1 to write it anew"
    );
}
