//! A JSON list, read while it arrives: it is cut into its elements, and each is parsed as soon as its last byte is there. So a list
//! of 40 MB takes the memory of what is kept of it, and no more of the thread's time at once than one piece needs.

use serde::de::DeserializeOwned;

/// A list that is being read.
#[derive(Debug)]
pub(crate) struct List<T, Each> {
    items: Vec<T>,
    /// What is done to each element.
    each: Each,
    place: Place,
    element: Element,
    cursor: Cursor,
}

/// Why a list cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// It ends before its end.
    Cut,
    /// It is not what was expected: why, and where.
    Wrong(String),
}

/// Where in the list the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    BeforeList,
    /// The first element, or the end.
    First,
    InElement,
    /// A comma, or the end.
    AfterElement,
    /// One more element, after a comma.
    Next,
    AfterList,
}

/// An element, as far as it has come.
#[derive(Debug, Default)]
pub(super) struct Element {
    /// What came of it in earlier pieces.
    partial: Vec<u8>,
    /// Open brackets of both kinds; that they match is left to the parser.
    depth: usize,
    in_string: bool,
    after_backslash: bool,
    /// Neither an object, a list nor a string: it ends before what follows.
    is_bare: bool,
    /// Where it begins.
    start: Cursor,
}

/// A place in the text: lines before it, and bytes before it in its line.
#[derive(Clone, Copy, Debug, Default)]
struct Cursor {
    lines: usize,
    column: usize,
}

impl<T: DeserializeOwned, Each: FnMut(&mut T)> List<T, Each> {
    pub(crate) fn new(each: Each) -> Self {
        Self {
            items: Vec::new(),
            each,
            place: Place::BeforeList,
            element: Element::default(),
            cursor: Cursor::default(),
        }
    }

    /// Takes in the next piece of the text, cut anywhere. After an error nothing more may be fed.
    pub(crate) fn feed(&mut self, mut piece: &[u8]) -> Result<(), Problem> {
        while let [byte, rest @ ..] = piece {
            if self.place == Place::InElement {
                let Some(end) = self.element.end(piece) else {
                    self.element.partial.extend_from_slice(piece);
                    self.cursor.pass(piece);
                    return Ok(());
                };
                let (last, rest) = piece.split_at(end);
                self.cursor.pass(last);
                self.take(last, true)?;
                self.place = Place::AfterElement;
                piece = rest;
                continue;
            }
            self.place = match (self.place, byte) {
                (place, b' ' | b'\t' | b'\r' | b'\n') => place,
                (Place::BeforeList, b'[') => Place::First,
                (Place::First | Place::AfterElement, b']') => Place::AfterList,
                (Place::AfterElement, b',') => Place::Next,
                (Place::First | Place::Next, byte) if begins_value(*byte) => {
                    self.element.begin(*byte, self.cursor);
                    self.place = Place::InElement;
                    continue;
                }
                (place, byte) => return Err(self.cursor.unexpected(place, *byte)),
            };
            self.cursor.pass(&piece[..1]);
            piece = rest;
        }
        Ok(())
    }

    /// The elements, when nothing more is to come.
    pub(crate) fn finish(mut self) -> Result<Vec<T>, Problem> {
        match self.place {
            Place::AfterList => return Ok(self.items),
            // What is wrong with the part that is there comes before that the rest is missing.
            Place::InElement => self.take(&[], false)?,
            _ => {}
        }
        Err(Problem::Cut)
    }

    /// Parses an element, whose last bytes these are, whole or as far as it came.
    fn take(&mut self, last: &[u8], is_whole: bool) -> Result<(), Problem> {
        let element = &mut self.element;
        let parsed = if element.partial.is_empty() && !element.is_bare {
            serde_json::from_slice(last)
        } else {
            element.partial.extend_from_slice(last);
            if element.is_bare && is_whole {
                // A bare word is over only where something follows.
                element.partial.push(b' ');
            }
            serde_json::from_slice(&element.partial)
        };
        let mut item = parsed.map_err(|error| element.problem(&error))?;
        element.partial.clear();
        (self.each)(&mut item);
        self.items.push(item);
        Ok(())
    }
}

/// What is wrong with something else there.
const AFTER_ELEMENT: &str = "expected `,` or `]`";

/// Whether a JSON value can begin so; if not, the list is wrong rather than its element.
fn begins_value(byte: u8) -> bool {
    !matches!(byte, b',' | b']' | b'}' | b':')
}

impl Element {
    /// One that begins with this byte.
    pub(super) fn of(first: u8) -> Self {
        let mut element = Self::default();
        element.begin(first, Cursor::default());
        element
    }

    fn begin(&mut self, first: u8, start: Cursor) {
        self.depth = 0;
        self.in_string = false;
        self.after_backslash = false;
        self.is_bare = !matches!(first, b'{' | b'[' | b'"');
        self.start = start;
    }

    /// What is wrong with it, as the parser of the whole list would put it: this one counts from the element's first byte.
    fn problem(&self, error: &serde_json::Error) -> Problem {
        if error.is_eof() {
            return Problem::Cut;
        }
        let text = error.to_string();
        let own = format!(" at line {} column {}", error.line(), error.column());
        let what = match text.strip_suffix(&own) {
            Some("trailing characters") if self.is_bare => AFTER_ELEMENT,
            Some(what) => what,
            None => &text,
        };
        let column = match error.line() {
            1 => self.start.column + error.column(),
            _ => error.column(),
        };
        Problem::Wrong(format!(
            "{what} at line {} column {column}",
            self.start.lines + error.line(),
        ))
    }

    /// Where in this piece the element ends; `None` when it goes on.
    pub(super) fn end(&mut self, piece: &[u8]) -> Option<usize> {
        if self.is_bare {
            return piece.iter().position(|byte| {
                matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | b']' | b'}')
            });
        }
        let mut at = 0;
        while at < piece.len() {
            if self.in_string {
                if self.after_backslash {
                    self.after_backslash = false;
                    at += 1;
                    continue;
                }
                at += piece[at..]
                    .iter()
                    .position(|byte| matches!(byte, b'"' | b'\\'))?;
                self.after_backslash = piece[at] == b'\\';
                self.in_string = self.after_backslash;
            } else {
                at += piece[at..]
                    .iter()
                    .position(|byte| matches!(byte, b'"' | b'{' | b'[' | b'}' | b']'))?;
                match piece[at] {
                    b'"' => self.in_string = true,
                    b'{' | b'[' => self.depth += 1,
                    _ => self.depth -= 1,
                }
            }
            at += 1;
            if self.depth == 0 && !self.in_string {
                return Some(at);
            }
        }
        None
    }
}

impl Cursor {
    fn pass(&mut self, text: &[u8]) {
        let mut lines = text.split(|byte| *byte == b'\n');
        let last = lines.next_back().unwrap_or_default();
        let ended = lines.count();
        if ended > 0 {
            self.lines += ended;
            self.column = 0;
        }
        self.column += last.len();
    }

    /// What is wrong with a byte between elements.
    fn unexpected(self, place: Place, byte: u8) -> Problem {
        let what = match (place, byte) {
            (Place::AfterElement, _) => AFTER_ELEMENT,
            (Place::AfterList, _) => "trailing characters",
            (Place::Next, b']') => "trailing comma",
            _ => "expected value",
        };
        Problem::Wrong(format!(
            "{what} at line {} column {}",
            self.lines + 1,
            self.column + 1
        ))
    }
}

#[cfg(test)]
mod tests;
