//! As much of HCL as the example files use: blocks with labels, and attributes that are strings, numbers, switches or lists of these.

use std::iter::Peekable;
use std::str::Chars;

/// The content of a file or a block.
#[derive(Debug, Default)]
pub(super) struct Body {
    attributes: Vec<(String, Value)>,
    blocks: Vec<Block>,
}

#[derive(Debug)]
pub(super) struct Block {
    kind: String,
    pub(super) labels: Vec<String>,
    pub(super) body: Body,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    /// A number or a switch, as written.
    Word(String),
    List(Vec<Self>),
}

impl Body {
    /// Reads a whole file, or panics at what it cannot read.
    pub(super) fn read(text: &str) -> Self {
        let mut reader = Reader(text.chars().peekable());
        let body = reader.body();
        assert_eq!(reader.0.next(), None, "a brace too many");
        body
    }

    /// The blocks of a kind.
    pub(super) fn blocks(&self, kind: &str) -> Vec<&Block> {
        let blocks = self.blocks.iter();
        blocks.filter(|block| block.kind == kind).collect()
    }

    /// The only block of a kind.
    #[track_caller]
    pub(super) fn block(&self, kind: &str) -> &Block {
        let [block] = self.blocks(kind)[..] else {
            panic!("not one block {kind}: {:?}", self.blocks);
        };
        block
    }

    /// An attribute that must be there.
    #[track_caller]
    pub(super) fn get(&self, name: &str) -> &Value {
        let mut found = self.attributes.iter().filter(|it| it.0 == name);
        &found.next().unwrap_or_else(|| panic!("no {name}")).1
    }
}

impl Value {
    #[track_caller]
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            other => panic!("{other:?} is no text"),
        }
    }

    #[track_caller]
    pub(super) fn texts(&self) -> Vec<&str> {
        match self {
            Self::List(list) => list.iter().map(Self::text).collect(),
            other => panic!("{other:?} is no list"),
        }
    }
}

struct Reader<'a>(Peekable<Chars<'a>>);

impl Reader<'_> {
    /// Up to the closing brace, which stays, or the end.
    fn body(&mut self) -> Body {
        let mut body = Body::default();
        while self.skip().is_some_and(|next| next != '}') {
            let name = self.word();
            match self.skip() {
                Some('=') => {
                    self.0.next();
                    let value = self.value();
                    body.attributes.push((name, value));
                }
                _ => body.blocks.push(self.block(name)),
            }
        }
        body
    }

    fn block(&mut self, kind: String) -> Block {
        let mut labels = vec![];
        while self.skip() == Some('"') {
            labels.push(self.string());
        }
        self.expect('{');
        let body = self.body();
        self.expect('}');
        Block { kind, labels, body }
    }

    fn value(&mut self) -> Value {
        match self.skip() {
            Some('"') => Value::Text(self.string()),
            Some('[') => {
                self.0.next();
                let mut list = vec![];
                while self.skip() != Some(']') {
                    list.push(self.value());
                    if self.skip() == Some(',') {
                        self.0.next();
                    }
                }
                self.0.next();
                Value::List(list)
            }
            _ => Value::Word(self.word()),
        }
    }

    fn string(&mut self) -> String {
        self.expect('"');
        let text: String = self.0.by_ref().take_while(|c| *c != '"').collect();
        assert!(!text.contains(['\\', '\n']), "{text}: not used here");
        text
    }

    fn word(&mut self) -> String {
        let mut word = String::new();
        while let Some(c) = self.0.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
            word.push(c);
        }
        assert!(
            !word.is_empty(),
            "a name is missing before {:?}",
            self.0.peek()
        );
        word
    }

    fn expect(&mut self, wanted: char) {
        let next = self.skip();
        assert_eq!(next, Some(wanted));
        self.0.next();
    }

    /// Blanks and comments; then what comes next.
    fn skip(&mut self) -> Option<char> {
        loop {
            match self.0.peek()? {
                '#' => while self.0.next_if(|c| *c != '\n').is_some() {},
                c if c.is_whitespace() => drop(self.0.next()),
                c => return Some(*c),
            }
        }
    }
}
