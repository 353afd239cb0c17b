//! The small parts of every line: time stamps, ids, counts, and foreign text made harmless.

use std::borrow::Cow;

use chrono::{DateTime, FixedOffset, SecondsFormat};

use crate::cli::quote::quote;

/// How many characters of an id are shown without `-verbose`.
const SHORT_ID: usize = 8;

/// Local time in whole seconds, `Z` when the offset is zero.
pub(super) fn stamp(at: &DateTime<FixedOffset>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The id as it is shown, without quotes.
pub(super) fn short(id: &str, verbose: bool) -> Cow<'_, str> {
    let end = if verbose {
        None
    } else {
        id.char_indices().nth(SHORT_ID)
    };
    clean(end.map_or(id, |(end, _)| &id[..end]))
}

/// The id as it is shown, in quotes.
pub(super) fn shown(id: &str, verbose: bool) -> String {
    quote(&short(id, verbose))
}

/// `1st`, `2nd`, `11th`, `21st`.
pub(super) fn ordinal(number: usize) -> String {
    let suffix = match (number % 10, number % 100) {
        (1, hundred) if hundred != 11 => "st",
        (2, hundred) if hundred != 12 => "nd",
        (3, hundred) if hundred != 13 => "rd",
        _ => "th",
    };
    format!("{number}{suffix}")
}

/// `1 allocation`, `5 allocations`.
pub(super) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// Two spaces between columns, each as wide as its widest cell, the last one unpadded.
pub(crate) fn align(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let padded = row
                .iter()
                .zip(&widths)
                .enumerate()
                .map(|(column, (cell, width))| {
                    if column + 1 == columns {
                        cell.clone()
                    } else {
                        format!("{cell:width$}")
                    }
                });
            let line = padded.collect::<Vec<_>>().join("  ");
            line.trim_end().to_owned()
        })
        .collect();
    lines.join("\n")
}

/// Text from elsewhere without anything that a terminal would obey: escape sequences go as a whole, other control characters and
/// marks that reorder text go on their own. Line ends and tabs stay, they are layout.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '\u{1b}' => rest = &rest[escape_sequence(rest)..],
            c if is_obeyed(c) => {}
            c => kept.push(c),
        }
    }
    Cow::Owned(kept)
}

fn is_obeyed(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// How many bytes after an escape character belong to its sequence. One that never ends is none: it must not swallow a message.
fn escape_sequence(rest: &str) -> usize {
    match rest.as_bytes().first() {
        Some(b'[') => rest
            .bytes()
            .skip(1)
            .position(|byte| !(0x20..0x40).contains(&byte))
            .filter(|end| matches!(rest.as_bytes()[end + 1], 0x40..=0x7e))
            .map_or(1, |end| end + 2),
        Some(b']') => rest
            .find(['\u{7}', '\u{1b}'])
            .map_or(1, |end| match &rest[end..] {
                tail if tail.starts_with('\u{7}') => end + 1,
                tail if tail.starts_with("\u{1b}\\") => end + 2,
                // Another sequence begins; it is looked at on its own.
                _ => end,
            }),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stamps_are_whole_seconds_with_the_offset() {
        for (time, expected) in [
            ("2023-02-28T17:36:31.999-05:00", "2023-02-28T17:36:31-05:00"),
            ("2023-02-28T17:36:31+05:30", "2023-02-28T17:36:31+05:30"),
            ("2023-02-28T17:36:31.5+00:00", "2023-02-28T17:36:31Z"),
        ] {
            let time = DateTime::parse_from_rfc3339(time).unwrap();
            assert_eq!(stamp(&time), expected); // N66
        }
    }

    #[test]
    fn ordinals() {
        for (number, expected) in [
            (1, "1st"),
            (2, "2nd"),
            (3, "3rd"),
            (4, "4th"),
            (10, "10th"),
            (11, "11th"),
            (12, "12th"),
            (13, "13th"),
            (21, "21st"),
            (22, "22nd"),
            (101, "101st"),
            (111, "111th"),
            (112, "112th"),
            (1001, "1001st"),
        ] {
            assert_eq!(ordinal(number), expected);
        }
    }

    #[test]
    fn ids_are_cut_by_characters() {
        // D76
        for (id, expected) in [
            ("a0000002-1111-2222-3333-444444444444", "\"a0000002\""),
            ("short", "\"short\""),
            ("日本語日本語日本語", "\"日本語日本語日本\""),
        ] {
            assert_eq!(shown(id, false), expected);
        }
        let id = "a0000002-1111-2222-3333-444444444444";
        assert_eq!(shown(id, true), format!("\"{id}\""));
    }

    #[test]
    fn foreign_text_is_not_obeyed() {
        // N65, D70
        for (text, expected) in [
            ("plain", "plain"),
            ("[red]kept[reset]", "[red]kept[reset]"),
            ("a\u{1b}[31mred\u{1b}[0m", "ared"),
            ("a\u{1b}[2J\u{1b}[1;1Hb", "ab"),
            ("t\u{1b}]0;title\u{7}x", "tx"),
            ("t\u{1b}]0;title\u{1b}\\x", "tx"),
            ("t\u{1b}]0;never ends", "t0;never ends"),
            ("t\u{1b}[31", "t31"),
            ("t\u{1b}[3é", "t3é"),
            ("cut\u{1b}", "cut"),
            (
                "bell\u{7} back\u{8} del\u{7f} c1\u{9b}31m",
                "bell back del c131m",
            ),
            ("line\r\nnext\ttab", "line\nnext\ttab"),
            ("re\u{202e}versed", "reversed"),
        ] {
            assert_eq!(clean(text), expected, "{text:?}");
        }
    }

    proptest! {
        /// Whatever a server sends.
        #[test]
        fn nothing_that_is_obeyed_is_left(text in "(\\PC|[\\x00-\\x1f\\x7f]|\\[|\\]|;|\u{9b}|\u{202e}){0,40}") {
            let cleaned = clean(&text);
            prop_assert!(!cleaned.chars().any(is_obeyed), "{cleaned:?}");
            prop_assert_eq!(clean(&cleaned), cleaned.clone());
            let printable: String = text.chars().filter(|c| !is_obeyed(*c)).collect();
            if !text.contains('\u{1b}') {
                prop_assert_eq!(cleaned, printable);
            }
        }
    }
}
