//! Lists cut anywhere against the parser that has the whole text.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// What is to be read: anything, or objects with a number.
#[derive(Debug, PartialEq, serde::Deserialize)]
struct Numbered {
    n: i64,
}

/// Reads the text in pieces that end at these places.
fn in_pieces<T: DeserializeOwned>(text: &[u8], cuts: &[usize]) -> Result<Vec<T>, Problem> {
    let mut list = List::new(|_| ());
    let mut begin = 0;
    for cut in cuts.iter().copied().chain([text.len()]) {
        let end = cut.clamp(begin, text.len());
        list.feed(&text[begin..end])?;
        begin = end;
    }
    list.finish()
}

fn at_once<T: DeserializeOwned>(text: &[u8]) -> Result<Vec<T>, Problem> {
    serde_json::from_slice(text).map_err(|error| {
        if error.is_eof() {
            Problem::Cut
        } else {
            Problem::Wrong(error.to_string())
        }
    })
}

/// Reads a list in all ways to cut it once, byte by byte, and whole.
fn check<T: DeserializeOwned + PartialEq + std::fmt::Debug>(text: &str) {
    let text = text.as_bytes();
    let expected = at_once::<T>(text);
    let all: Vec<_> = (0..text.len()).collect();
    assert_eq!(in_pieces(text, &all), expected, "{:?}", text.escape_ascii());
    for cut in 0..=text.len() {
        assert_eq!(in_pieces(text, &[cut]), expected, "{cut}");
    }
}

#[test]
fn lists() {
    for text in [
        "[]",
        " [ ] ",
        "[\n\r\t]\n",
        "[{}]",
        r#"[{"n":1},{"n":2}]"#,
        r#"[ {"n" : 1} , {"n":2} ]"#,
        r#"[{"n":1,"a":["[","]{","\"","\\","\\\"]","}"]},{"n":2}]"#,
        r#"[{"n":1,"a":{"b":[{},[[]],{"c":{}}]}}]"#,
        r#"[{"n":1,"ü":"ß🦀\u00fc"}]"#,
        r#"[1,-2.5e3,"a]b",null,true,[],{"n":1}, 7 ]"#,
    ] {
        check::<Value>(text);
        check::<Numbered>(text);
    }
}

#[test]
fn what_is_no_list() {
    // N12
    for text in [
        "[",
        "[{",
        "[{}",
        "[{},",
        "[{\"n\":1}, {\"n\":",
        "[\"",
        "[7",
        "[7,",
        "[,]",
        "[}",
        "[:",
        "[{},]",
        "[{} {}]",
        "[{}}]",
        "[{}]]",
        "[{}] x",
        "[{\"n\":1]",
        "[[}]",
        "[{\"n\":x}]",
        "[\n{\"n\":\n\"x\"}]",
        "[\n {\"n\":1},\n  {\"n\":\"x\"}]",
        "[{\"n\":\"x\"}",
        "[{\"n\":\"x\"",
        "[{\"n\" 1",
        "[nul]",
        "[nul",
        "[tru,1]",
        "[-]",
        "[01]",
        "[x]",
        "[\u{1}]",
        "[{\"a\":\"\u{1}\"}]",
        "[{\"a\":\"\\x\"}]",
    ] {
        check::<Value>(text);
        check::<Numbered>(text);
    }
}

/// JSON texts with every kind of trouble for a cutter.
fn values() -> impl Strategy<Value = Value> {
    let text = r#"[a\\"\[\]{},: \n🦀]{0,6}"#;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((text, inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn whole_lists_cut_anywhere(items in prop::collection::vec(values(), 0..5), pretty: bool, cuts in prop::collection::vec(0_usize..300, 0..8)) {
        let text = if pretty { serde_json::to_vec_pretty(&items) } else { serde_json::to_vec(&items) }.unwrap();
        let mut cuts = cuts;
        cuts.sort_unstable();
        prop_assert_eq!(in_pieces::<Value>(&text, &cuts), Ok(items));
    }

    #[test]
    fn damaged_lists(
        items in prop::collection::vec(values(), 0..4),
        damage in prop::collection::vec((any::<prop::sample::Index>(), r#"[\[\]{}",:\\0n ]{0,2}"#), 0..3),
        end in any::<prop::sample::Index>(),
        is_cut: bool,
        cuts in prop::collection::vec(0_usize..200, 0..6),
    ) {
        // N12: the same verdict, in the same words, as of the parser that has the whole text.
        let mut text = serde_json::to_vec(&items).unwrap();
        for (at, with) in damage {
            let at = at.index(text.len());
            text.splice(at..=at, with.into_bytes());
            if text.is_empty() {
                text.push(b'[');
            }
        }
        if is_cut {
            text.truncate(end.index(text.len()) + 1);
        }
        if text.trim_ascii_start().first() != Some(&b'[') {
            text.insert(0, b'[');
        }
        let mut cuts = cuts;
        cuts.sort_unstable();
        prop_assert_eq!(in_pieces::<Value>(&text, &cuts), at_once::<Value>(&text), "{}", text.escape_ascii());
        prop_assert_eq!(in_pieces::<Numbered>(&text, &cuts), at_once::<Numbered>(&text), "{}", text.escape_ascii());
    }
}
