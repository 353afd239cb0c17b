//! Making foreign text harmless before it becomes part of a message.

/// Longest foreign text in a message, in characters.
const LIMIT: usize = 600;

/// A server's words for a message: no control characters, no HTML, not endless. Lines stay lines.
pub(crate) fn of_server(body: &str) -> String {
    if let Some(page) = html_page(body) {
        return page;
    }
    let mut text = String::new();
    let mut length = 0;
    for character in body.trim().chars() {
        let character = match character {
            '\n' => '\n',
            '\t' => ' ',
            _ if character.is_control() => continue,
            _ => character,
        };
        if length == LIMIT {
            text.push('…');
            break;
        }
        text.push(character);
        length += 1;
    }
    text.trim().to_owned()
}

/// What to say of an HTML page: its title, if it has one.
pub(crate) fn html_page(body: &str) -> Option<String> {
    let start: String = body.trim_start().chars().take(15).collect();
    let start = start.to_ascii_lowercase();
    if !start.starts_with("<!doctype") && !start.starts_with("<html") && !start.starts_with("<head")
    {
        return None;
    }
    let title = title(body).unwrap_or_default();
    Some(if title.is_empty() {
        "an HTML page".to_owned()
    } else {
        format!("an HTML page, {title:?}")
    })
}

fn title(page: &str) -> Option<String> {
    let (_, rest) = page.split_once("<title>")?;
    let (title, _) = rest.split_once("</title>")?;
    Some(
        title
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .chars()
            .filter(|character| !character.is_control())
            .take(80)
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    // D70, N65
    #[test]
    fn foreign_text_is_harmless() {
        for (body, expected) in [
            ("", ""),
            ("  plain \n", "plain"),
            ("two\r\nlines\tand a tab", "two\nlines and a tab"),
            (
                "\u{1b}[31mred\u{1b}[0m \u{7}bell \u{9b}2J",
                "[31mred[0m bell 2J",
            ),
            ("[red]tags[/red]", "[red]tags[/red]"),
            ("é 日本 \u{1f600}", "é 日本 \u{1f600}"),
        ] {
            assert_eq!(of_server(body), expected, "{body:?}");
        }
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let exact = "é".repeat(LIMIT);
        assert_eq!(of_server(&exact), exact);
        assert_eq!(of_server(&format!("{exact}x")), format!("{exact}…"));
    }

    #[test]
    fn pages_are_named_and_not_shown() {
        for (body, expected) in [
            (
                "<html><title>Sign in</title>",
                Some("an HTML page, \"Sign in\""),
            ),
            (
                "\n <!DOCTYPE HTML><title> 503\n Service \u{1b}gone</title>",
                Some("an HTML page, \"503 Service gone\""),
            ),
            ("<head></head>", Some("an HTML page")),
            ("<html><title>", Some("an HTML page")),
            ("<nil>", None),
            ("html", None),
            ("", None),
        ] {
            assert_eq!(html_page(body).as_deref(), expected, "{body:?}");
        }
    }
}
