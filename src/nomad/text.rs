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
