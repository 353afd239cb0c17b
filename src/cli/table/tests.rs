//! The table against the options that it is made from, and against what they accept.

use clap::CommandFactory;

use super::*;
use crate::cli::options::Options;
use crate::cli::{self, Request};
use crate::env::Env;

/// Is the option taken with this value?
fn accepted(name: &str, value: &str) -> bool {
    let args = ["nomad-restart", &format!("-{name}={value}"), "web"].map(Into::into);
    !matches!(
        cli::parse(&args, &Env::default(), true),
        Request::Usage { .. }
    )
}

// A placeholder that the table does not know, or a word that the plan does not: both would be offered, and refused.
#[test]
fn every_word_that_is_offered_is_accepted() {
    let command = Options::command();
    let mut offered = 0;
    for entry in entries(&command) {
        if let Values::Words(words) = entry.values() {
            for word in words {
                assert!(accepted(entry.name, word), "-{}={word}", entry.name);
                offered += 1;
            }
            let nonsense = accepted(entry.name, "nonsense");
            assert!(!nonsense, "-{} takes anything", entry.name);
        }
    }
    assert!(offered > 10);
}

#[test]
fn values_by_their_names() {
    let command = Options::command();
    let entries = entries(&command);
    let values = |name: &str| {
        let entry = entries.iter().find(|entry| entry.name == name);
        entry.unwrap().values()
    };
    assert_eq!(values("yes"), Values::None);
    assert_eq!(values("on-error"), Values::Words(vec!["ask", "fail"]));
    assert_eq!(values("batch-wait"), Values::Words(vec!["ask"]));
    assert_eq!(values("batch-size"), Values::Free);
    assert_eq!(values("client-key"), Values::File);
    assert_eq!(values("ca-path"), Values::Directory);
}

#[test]
fn repeatable_are_those_that_say_so() {
    for entry in entries(&Options::command()) {
        let says_so = entry.help.contains("several times");
        assert_eq!(entry.repeatable, says_so, "-{}", entry.name);
    }
}

#[test]
fn briefly() {
    let command = Options::command();
    for entry in entries(&command) {
        let brief = entry.brief();
        assert!(
            !brief.is_empty() && !brief.ends_with('.') && brief.len() < 120,
            "{brief}"
        );
        // Alone, it would not say what is meant.
        assert!(
            !brief.contains("same") && !brief.contains("such"),
            "{brief}"
        );
    }
    let brief = |name| {
        let entries = entries(&command);
        entries
            .iter()
            .find(|it| it.name == name)
            .unwrap()
            .brief()
            .to_owned()
    };
    assert_eq!(brief("on-error"), "What follows a batch with errors");
    assert_eq!(brief("address"), "The Nomad agent");
}
