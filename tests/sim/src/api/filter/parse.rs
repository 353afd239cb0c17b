//! The grammar of filter expressions: a recursive descent that remembers what would have been right
//! at the furthest place it got to.

use std::collections::BTreeSet;

use super::{Expression, Operator};

const BLANK: &str = "[ \\t\\r\\n]";
const LETTER: &str = "[a-zA-Z]";
const LATER_LETTER: &str = "[a-zA-Z0-9_/]";

struct Parser<'a> {
    text: &'a str,
    at: usize,
    furthest: usize,
    expected: BTreeSet<String>,
}

/// An alternative did not match; the parser is where it was before.
type Parsed<T> = Option<T>;

/// Reads a whole expression.
pub(super) fn expression(text: &str) -> Result<Expression, String> {
    let mut parser = Parser {
        text,
        at: 0,
        furthest: 0,
        expected: BTreeSet::new(),
    };
    parser.blanks();
    let parsed = parser.or();
    parser.blanks();
    match parsed {
        Some(expression) if parser.at == text.len() => Ok(expression),
        _ => Err(parser.problem()),
    }
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    /// Notes that `what` would have been right here.
    fn wanted(&mut self, what: &str) {
        if self.at > self.furthest {
            self.furthest = self.at;
            self.expected.clear();
        }
        if self.at == self.furthest {
            self.expected.insert(what.to_owned());
        }
    }

    fn problem(&self) -> String {
        let before = &self.text[..self.furthest];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
        let mut expected: Vec<&str> = self.expected.iter().map(String::as_str).collect();
        let last = expected.pop().unwrap_or("EOF");
        let list = if expected.is_empty() {
            last.to_owned()
        } else {
            format!("{} or {last}", expected.join(", "))
        };
        format!(
            "{line}:{column} ({}): no match found, expected: {list}",
            self.furthest
        )
    }

    /// Goes back when an alternative fails.
    fn attempt<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        let start = self.at;
        let parsed = parse(self);
        if parsed.is_none() {
            self.at = start;
        }
        parsed
    }

    fn literal(&mut self, literal: &str) -> Parsed<()> {
        if self.rest().starts_with(literal) {
            self.at += literal.len();
            return Some(());
        }
        self.wanted(&format!("{literal:?}"));
        None
    }

    /// Any number of blanks.
    fn blanks(&mut self) -> usize {
        let count = self
            .rest()
            .bytes()
            .take_while(|b| b" \t\r\n".contains(b))
            .count();
        self.at += count;
        self.wanted(BLANK);
        count
    }

    /// At least one blank.
    fn gap(&mut self) -> Parsed<()> {
        (self.blanks() > 0).then_some(())
    }

    fn word(&mut self, word: &str) -> Parsed<()> {
        self.gap()?;
        self.literal(word)
    }

    fn or(&mut self) -> Parsed<Expression> {
        let left = self.and()?;
        let right = self.attempt(|p| {
            p.word("or")?;
            p.gap()?;
            p.or()
        });
        Some(match right {
            Some(right) => Expression::Or(Box::new(left), Box::new(right)),
            None => left,
        })
    }

    fn and(&mut self) -> Parsed<Expression> {
        let left = self.not()?;
        let right = self.attempt(|p| {
            p.word("and")?;
            p.gap()?;
            p.and()
        });
        Some(match right {
            Some(right) => Expression::And(Box::new(left), Box::new(right)),
            None => left,
        })
    }

    fn not(&mut self) -> Parsed<Expression> {
        let negated = self.attempt(|p| {
            p.literal("not")?;
            p.gap()?;
            p.not()
        });
        if let Some(inner) = negated {
            return Some(Expression::Not(Box::new(inner)));
        }
        let grouped = self.attempt(|p| {
            p.literal("(")?;
            p.blanks();
            let inner = p.or()?;
            p.blanks();
            p.literal(")")?;
            Some(inner)
        });
        grouped.or_else(|| self.comparison())
    }

    fn comparison(&mut self) -> Parsed<Expression> {
        let value_first = self.attempt(|p| {
            let value = p.value()?;
            let negated = p.attempt(|p| p.word("not")).is_some();
            p.word("in")?;
            p.gap()?;
            let selector = p.selector()?;
            let operator = if negated {
                Operator::NotContains
            } else {
                Operator::Contains
            };
            Some(Expression::Match(selector, operator, value))
        });
        if value_first.is_some() {
            return value_first;
        }
        let selector = self.selector()?;
        if let Some(operator) = self.emptiness() {
            return Some(Expression::Match(selector, operator, String::new()));
        }
        let operator = self.operator()?;
        let value = self.value()?;
        Some(Expression::Match(selector, operator, value))
    }

    fn emptiness(&mut self) -> Parsed<Operator> {
        self.attempt(|p| {
            p.word("is")?;
            let negated = p.attempt(|p| p.word("not")).is_some();
            p.word("empty")?;
            Some(if negated {
                Operator::NotEmpty
            } else {
                Operator::Empty
            })
        })
    }

    fn operator(&mut self) -> Parsed<Operator> {
        let symbol = self.attempt(|p| {
            p.blanks();
            let operator = match p.literal("==") {
                Some(()) => Operator::Equal,
                None => p.literal("!=").map(|()| Operator::NotEqual)?,
            };
            p.blanks();
            Some(operator)
        });
        symbol.or_else(|| {
            self.attempt(|p| {
                let negated = p.attempt(|p| p.word("not")).is_some();
                p.word("contains")?;
                p.gap()?;
                Some(if negated {
                    Operator::NotContains
                } else {
                    Operator::Contains
                })
            })
        })
    }

    fn identifier(&mut self) -> Parsed<String> {
        let rest = self.rest();
        if !rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            self.wanted(LETTER);
            return None;
        }
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '/'))
            .unwrap_or(rest.len());
        let identifier = rest[..end].to_owned();
        self.at += end;
        self.wanted(LATER_LETTER);
        Some(identifier)
    }

    fn selector(&mut self) -> Parsed<Vec<String>> {
        let mut parts = vec![self.identifier()?];
        loop {
            let part = self
                .attempt(|p| {
                    p.literal(".")?;
                    p.identifier()
                })
                .or_else(|| {
                    self.attempt(|p| {
                        p.literal("[")?;
                        let key = p.quoted()?;
                        p.literal("]")?;
                        Some(key)
                    })
                });
            match part {
                Some(part) => parts.push(part),
                None => return Some(parts),
            }
        }
    }

    fn quoted(&mut self) -> Parsed<String> {
        for quote in ["\"", "`"] {
            let text = self.attempt(|p| {
                p.literal(quote)?;
                let end = p.rest().find(quote)?;
                let text = p.rest()[..end].to_owned();
                p.at += end + 1;
                Some(text)
            });
            if text.is_some() {
                return text;
            }
        }
        None
    }

    fn number(&mut self) -> Parsed<String> {
        let rest = self.rest();
        let unsigned = rest.strip_prefix('-').unwrap_or(rest);
        let digits = unsigned
            .find(|c: char| !(c.is_ascii_digit() || c == '.'))
            .unwrap_or(unsigned.len());
        if digits == 0 {
            for start in ["\"-\"", "\"0\"", "[1-9]"] {
                self.wanted(start);
            }
            return None;
        }
        let length = rest.len() - unsigned.len() + digits;
        let number = rest[..length].to_owned();
        self.at += length;
        Some(number)
    }

    /// A literal: quoted, a number, or a bare word.
    fn value(&mut self) -> Parsed<String> {
        self.quoted()
            .or_else(|| self.number())
            .or_else(|| self.attempt(|p| p.selector().map(|parts| parts.join("."))))
    }
}
