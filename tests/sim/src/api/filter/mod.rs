//! Filter expressions of list endpoints (`filter=JobID == "web" and Status == "blocked"`): reading
//! them, applying them, and the texts when they fail.
//!
//! Selectors name fields of the stored objects, not of the list stubs. Regular expressions
//! (`matches`) are refused: the simulated cluster has no use for them.

mod parse;

use serde_json::Value;

use crate::model::ApiError;

/// An object whose fields can be selected by name.
pub(crate) trait Fields {
    /// The value of a field of the stored object; `None` if it has no such field.
    fn field(&self, name: &str) -> Option<Value>;
}

/// A parsed expression.
#[derive(Clone, Debug, PartialEq)]
enum Expression {
    Or(Box<Self>, Box<Self>),
    And(Box<Self>, Box<Self>),
    Not(Box<Self>),
    Match(Vec<String>, Operator, String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    /// The selected value contains the given one.
    Contains,
    NotContains,
    Empty,
    NotEmpty,
}

/// A filter, possibly the one that lets everything pass.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Filter(Option<Expression>);

/// Fields that are maps in the stored objects: a missing key reads differently there.
const MAPS: [&str; 8] = [
    "TaskStates",
    "Meta",
    "Attributes",
    "Details",
    "FailedTGAllocs",
    "QueuedAllocations",
    "Tasks",
    "Drivers",
];

impl Filter {
    /// Reads an expression; the empty one lets everything pass.
    ///
    /// # Errors
    /// 400 with the position and what was expected there.
    pub(crate) fn parse(text: &str) -> Result<Self, ApiError> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        parse::expression(text)
            .map(|expression| Self(Some(expression)))
            .map_err(|problem| {
                ApiError::new(
                    400,
                    format!(
                        "failed to create result paginator: failed to read filter expression: \
                         {problem}"
                    ),
                )
            })
    }

    /// Does this object pass?
    ///
    /// # Errors
    /// 400 for a selector that names nothing in this object.
    pub(crate) fn passes(&self, object: &dyn Fields) -> Result<bool, ApiError> {
        match &self.0 {
            None => Ok(true),
            Some(expression) => evaluate(expression, object).map_err(|problem| {
                ApiError::new(400, format!("failed to read result page: {problem}"))
            }),
        }
    }
}

fn evaluate(expression: &Expression, object: &dyn Fields) -> Result<bool, String> {
    match expression {
        Expression::Or(a, b) => Ok(evaluate(a, object)? || evaluate(b, object)?),
        Expression::And(a, b) => Ok(evaluate(a, object)? && evaluate(b, object)?),
        Expression::Not(inner) => Ok(!evaluate(inner, object)?),
        Expression::Match(selector, operator, value) => {
            let found = select(selector, object)?;
            Ok(match operator {
                Operator::Equal => equal(&found, value),
                Operator::NotEqual => !equal(&found, value),
                Operator::Contains => contains(&found, value),
                Operator::NotContains => !contains(&found, value),
                Operator::Empty => empty(&found),
                Operator::NotEmpty => !empty(&found),
            })
        }
    }
}

fn select(selector: &[String], object: &dyn Fields) -> Result<Value, String> {
    let missing = |part: usize, what: String| {
        format!(
            "error finding value in datum: /{} at part {part}: couldn't find key{what}",
            selector.join("/")
        )
    };
    let field = |name: &str| format!(": struct field with name {name:?}");
    let first = selector.first().map(String::as_str).unwrap_or_default();
    let mut value = object
        .field(first)
        .ok_or_else(|| missing(0, field(first)))?;
    for (part, name) in selector.iter().enumerate().skip(1) {
        let next = match &mut value {
            Value::Object(map) => map.remove(name),
            Value::Array(list) => name
                .parse::<usize>()
                .ok()
                .filter(|index| *index < list.len())
                .map(|index| list.swap_remove(index)),
            _ => None,
        };
        let parent = selector[part - 1].as_str();
        value = next.ok_or_else(|| {
            let what = if MAPS.contains(&parent) {
                format!(" {name:?}")
            } else {
                field(name)
            };
            missing(part, what)
        })?;
    }
    Ok(value)
}

/// A selected value and a literal, which is text in the expression whatever the field's type is.
fn equal(found: &Value, literal: &str) -> bool {
    match found {
        Value::String(text) => text == literal,
        Value::Number(number) => number.to_string() == literal,
        Value::Bool(yes) => yes.to_string() == literal,
        _ => false,
    }
}

fn contains(found: &Value, literal: &str) -> bool {
    match found {
        Value::String(text) => text.contains(literal),
        Value::Array(list) => list.iter().any(|element| equal(element, literal)),
        Value::Object(map) => map.contains_key(literal),
        _ => false,
    }
}

fn empty(found: &Value) -> bool {
    match found {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    impl Fields for Value {
        fn field(&self, name: &str) -> Option<Value> {
            self.get(name).cloned()
        }
    }

    fn object() -> Value {
        json!({"ID": "web", "JobID": "web", "Status": "blocked", "Version": 3, "Stop": false,
               "NextAllocation": "", "Datacenters": ["dc1", "dc2"], "ParentID": "",
               "TaskStates": {"app": {"State": "running"}}, "Meta": null})
    }

    #[test]
    fn expressions_select_objects() {
        for (text, passes) in [
            ("", true),
            ("ID == \"web\"", true),
            ("ID == web", true),
            ("ID != `web`", false),
            ("JobID == \"web\" and Status == \"blocked\"", true),
            ("JobID == \"web\" and Status == \"complete\"", false),
            ("Status == \"complete\" or Status == \"blocked\"", true),
            ("not ID == \"web\"", false),
            ("not (ID == \"api\" or ID == \"db\") and Version == 3", true),
            ("Version == \"3\"", true),
            ("Stop == false", true),
            ("NextAllocation == \"\"", true),
            ("NextAllocation is empty", true),
            ("Datacenters is not empty", true),
            ("\"dc2\" in Datacenters", true),
            ("\"dc3\" not in Datacenters", true),
            ("dc1 in Datacenters", true),
            ("Datacenters contains \"dc1\"", true),
            ("ID not contains \"eb\"", false),
            ("TaskStates.app.State == \"running\"", true),
            ("TaskStates[\"app\"].State == \"running\"", true),
            ("Meta is empty", true),
        ] {
            let filter = Filter::parse(text).expect(text);
            assert_eq!(filter.passes(&object()), Ok(passes), "{text}");
        }
    }

    #[test]
    fn failures_have_nomads_texts() {
        for (text, expected) in [
            (
                "ID ==",
                "failed to create result paginator: failed to read filter expression: 1:6 (5): no \
                 match found, expected: \"-\", \"0\", \"\\\"\", \"`\", [ \\t\\r\\n], [1-9] or \
                 [a-zA-Z]",
            ),
            (
                "JobID",
                "failed to create result paginator: failed to read filter expression: 1:6 (5): no \
                 match found, expected: \"!=\", \".\", \"==\", \"[\", [ \\t\\r\\n] or \
                 [a-zA-Z0-9_/]",
            ),
            (
                "Nope == \"x\"",
                "failed to read result page: error finding value in datum: /Nope at part 0: \
                 couldn't find key: struct field with name \"Nope\"",
            ),
            (
                "TaskStates.nope.State == \"running\"",
                "failed to read result page: error finding value in datum: \
                 /TaskStates/nope/State at part 1: couldn't find key \"nope\"",
            ),
        ] {
            let error = Filter::parse(text)
                .and_then(|filter| filter.passes(&object()))
                .expect_err(text);
            assert_eq!((error.status, error.text.as_str()), (400, expected));
        }
    }
}
