//! Pages of a list: filter, token and size.

use super::call::QueryOptions;
use super::filter::{Fields, Filter};
use super::query::Rendered;
use crate::model::ApiError;

/// What a token of the next page is made of; tokens order as the list does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// `<namespace>.<id>`.
    Name(String),
    /// `<create index>.<id>`.
    Created(u64, String),
}

impl Token {
    fn text(&self) -> String {
        match self {
            Self::Name(name) => name.clone(),
            Self::Created(index, id) => format!("{index}.{id}"),
        }
    }

    /// Does an item with this token come before the page that begins at `start`?
    fn before(&self, start: &str, reverse: bool) -> bool {
        let order = match self {
            Self::Name(name) => name.as_str().cmp(start),
            Self::Created(index, id) => {
                let given = start
                    .split_once('.')
                    .and_then(|(index, id)| Some((index.parse().ok()?, id)));
                match given {
                    Some(given) => (*index, id.as_str()).cmp(&given),
                    None => self.text().as_str().cmp(start),
                }
            }
        };
        if reverse {
            order.is_gt()
        } else {
            order.is_lt()
        }
    }
}

/// The page of a list that the options ask for: its items and the token of the next page.
///
/// # Errors
/// 400 for a filter that does not parse or does not fit the objects.
pub(crate) fn page<T>(
    mut items: Vec<T>,
    options: &QueryOptions,
    fields: impl Fn(&T) -> &dyn Fields,
    token: impl Fn(&T) -> Token,
) -> Result<(Vec<T>, Option<String>), ApiError> {
    let filter = Filter::parse(&options.filter)?;
    if options.reverse {
        items.reverse();
    }
    let size = usize::try_from(options.per_page).unwrap_or(0);
    let mut page = Vec::new();
    for item in items {
        if !filter.passes(fields(&item))? {
            continue;
        }
        let token = token(&item);
        if !options.next_token.is_empty() && token.before(&options.next_token, options.reverse) {
            continue;
        }
        if options.per_page != 0 && page.len() >= size {
            return Ok((page, Some(token.text())));
        }
        page.push(item);
    }
    Ok((page, None))
}

/// [`page`], written as JSON by `write`.
pub(crate) fn rendered<T>(
    items: Vec<T>,
    options: &QueryOptions,
    fields: impl Fn(&T) -> &dyn Fields,
    token: impl Fn(&T) -> Token,
    write: impl Fn(&[T]) -> Vec<u8>,
) -> Result<Rendered, ApiError> {
    let (page, next_token) = page(items, options, fields, token)?;
    Ok(Rendered::Json {
        body: write(&page),
        next_token,
    })
}

/// Reads the hexadecimal prefix of an id: digits in lower case, dashes left out.
///
/// # Errors
/// 500 with `what` (`alloc`, `eval`, `node`, …) in the text, for a prefix that no id can have.
pub(crate) fn id_prefix(prefix: &str, what: &str) -> Result<String, ApiError> {
    let digits = prefix.replace('-', "");
    let problem = if digits.len() % 2 == 1 {
        "Input (without hyphens) must be even length".to_owned()
    } else if let Some(bad) = digits.bytes().find(|byte| !byte.is_ascii_hexdigit()) {
        format!(
            "Invalid UUID: encoding/hex: invalid byte: U+{bad:04X} '{}'",
            char::from(bad)
        )
    } else {
        return Ok(digits.to_ascii_lowercase());
    };
    Err(ApiError::internal(format!(
        "{what} lookup failed: index error: {problem}"
    )))
}

/// Does an id begin with these digits?
pub(crate) fn has_prefix(id: &str, digits: &str) -> bool {
    let mut of_id = id.bytes().filter(|byte| *byte != b'-');
    digits.bytes().all(|digit| of_id.next() == Some(digit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::call::Call;
    use http::{HeaderMap, Method};
    use serde_json::{Value, json};

    fn list(query: &str) -> (Vec<String>, Option<String>) {
        let call = Call::new(Method::GET, "/v1/jobs", query, &HeaderMap::new());
        let options = call.options().expect(query);
        let items: Vec<Value> = ["api", "web", "web-staging"]
            .map(|id| json!({"ID": id}))
            .into();
        let name = |item: &Value| item["ID"].as_str().unwrap_or_default().to_owned();
        let (items, next) = page(
            items,
            &options,
            |item| item as &dyn Fields,
            |item| Token::Name(format!("default.{}", name(item))),
        )
        .expect(query);
        (items.iter().map(name).collect(), next)
    }

    #[test]
    fn pages_follow_each_other() {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        for (query, page, next) in [
            ("", names(&["api", "web", "web-staging"]), None),
            (
                "per_page=2",
                names(&["api", "web"]),
                Some("default.web-staging"),
            ),
            (
                "per_page=2&next_token=default.web-staging",
                names(&["web-staging"]),
                None,
            ),
            ("per_page=3", names(&["api", "web", "web-staging"]), None),
            ("per_page=-1", names(&[]), Some("default.api")),
            (
                "next_token=abc",
                names(&["api", "web", "web-staging"]),
                None,
            ),
            (
                "reverse=true&per_page=1",
                names(&["web-staging"]),
                Some("default.web"),
            ),
            (
                "reverse=true&next_token=default.web",
                names(&["web", "api"]),
                None,
            ),
            (
                "per_page=1&filter=ID+!=+api",
                names(&["web"]),
                Some("default.web-staging"),
            ),
        ] {
            assert_eq!(list(query), (page, next.map(str::to_owned)), "{query}");
        }
    }

    #[test]
    fn tokens_with_an_index_order_by_it() {
        let token = Token::Created(30, "b".to_owned());
        assert!(token.before("100.a", false));
        assert!(!token.before("30.a", false));
        assert!(token.before("abc", false));
    }

    #[test]
    fn prefixes_of_ids_are_hexadecimal_and_of_even_length() {
        assert_eq!(id_prefix("AF2f-f5", "alloc").as_deref(), Ok("af2ff5"));
        for (prefix, text) in [
            (
                "af2ff56",
                "alloc lookup failed: index error: Input (without hyphens) must be even length",
            ),
            (
                "xyz1",
                "alloc lookup failed: index error: Invalid UUID: encoding/hex: invalid byte: \
                 U+0078 'x'",
            ),
        ] {
            let error = id_prefix(prefix, "alloc").expect_err(prefix);
            assert_eq!((error.status, error.text.as_str()), (500, text));
        }
        assert!(has_prefix(
            "af2ff56f-72bc-2138-d692-cd4ca8229e01",
            "af2ff56f72"
        ));
        assert!(!has_prefix(
            "af2ff56f-72bc-2138-d692-cd4ca8229e01",
            "af2ff56f73"
        ));
    }
}
