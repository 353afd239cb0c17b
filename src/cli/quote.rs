//! Quoting as Go's `%q` does it, for everything foreign that a message shows in double quotes.

use std::fmt::Write;

/// The text in double quotes: quotes, backslashes and whatever does not print are escaped, so that it stays on one line.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        push_escaped(&mut quoted, c);
    }
    quoted.push('"');
    quoted
}

/// The same for bytes that need not be UTF-8: those that are not become `\xNN`.
pub(crate) fn quote_bytes(bytes: &[u8]) -> String {
    let mut quoted = String::with_capacity(bytes.len() + 2);
    quoted.push('"');
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            push_escaped(&mut quoted, c);
        }
        for byte in chunk.invalid() {
            push_number(&mut quoted, format_args!("\\x{byte:02x}"));
        }
    }
    quoted.push('"');
    quoted
}

fn push_escaped(out: &mut String, c: char) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\u{07}' => out.push_str("\\a"),
        '\u{08}' => out.push_str("\\b"),
        '\u{0c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{0b}' => out.push_str("\\v"),
        c if prints(c) => out.push(c),
        c => match u32::from(c) {
            code @ (..0x20 | 0x7f) => push_number(out, format_args!("\\x{code:02x}")),
            code @ ..0x1_0000 => push_number(out, format_args!("\\u{code:04x}")),
            code => push_number(out, format_args!("\\U{code:08x}")),
        },
    }
}

fn push_number(out: &mut String, number: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = out.write_fmt(number);
}

/// Letters, marks, numbers, punctuation, symbols and the ASCII space, as Go's `unicode.IsPrint` has it.
fn prints(c: char) -> bool {
    // The standard library keeps that table for `escape_debug`, which escapes this one for other reasons. A combining mark is
    // escaped only at the start of a text.
    if c == '\'' {
        return true;
    }
    let mut utf8 = [b'a', 0, 0, 0, 0];
    let end = 1 + c.encode_utf8(&mut utf8[1..]).len();
    std::str::from_utf8(&utf8[..end]).is_ok_and(|text| text.escape_debug().count() == 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_as_go_does() {
        for (text, expected) in [
            ("", r#""""#),
            ("web", r#""web""#),
            ("a b", r#""a b""#),
            (r#"a"b\c'd"#, r#""a\"b\\c'd""#),
            ("\u{07}\u{08}\u{0c}\n\r\t\u{0b}", r#""\a\b\f\n\r\t\v""#),
            ("\0\u{1b}[31m\u{7f}", r#""\x00\x1b[31m\x7f""#),
            ("日本_語 é 🚀", r#""日本_語 é 🚀""#),
            // A combining mark prints, wherever it is.
            ("\u{301}e\u{301}", "\"\u{301}e\u{301}\""),
            ("\u{85}", r#""\u0085""#),
            ("\u{200b}\u{a0}\u{2028}", r#""\u200b\u00a0\u2028""#),
            (
                "\u{e000}\u{f0000}\u{e0001}",
                r#""\ue000\U000f0000\U000e0001""#,
            ),
            ("\u{fffd}", "\"\u{fffd}\""),
        ] {
            assert_eq!(quote(text), expected, "{text:?}");
            assert_eq!(quote_bytes(text.as_bytes()), expected, "{text:?}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_escaped_one_by_one() {
        assert_eq!(quote_bytes(b"a\xff\xe3\x81z\""), r#""a\xff\xe3\x81z\"""#);
    }
}
