//! Bodies of writes: reading them, and the answers that several writes share.

use serde_json::{Value, json};

use super::call::Call;
use super::reply::Reply;
use crate::cluster::Registered;
use crate::model::ApiError;

/// The JSON body of a call.
///
/// # Errors
/// `status` with Go's text for a body that is no JSON object.
pub(crate) fn body(call: &Call, status: u16) -> Result<Value, ApiError> {
    if call.body.is_empty() {
        return Err(ApiError::new(status, "EOF"));
    }
    let value = serde_json::from_slice(&call.body)
        .map_err(|error| ApiError::new(status, go_json_error(&call.body, &error)))?;
    match value {
        Value::Object(_) => Ok(value),
        other => {
            let kind = go_kind(&other);
            Err(ApiError::new(
                status,
                format!("json: cannot unmarshal {kind} into Go value"),
            ))
        }
    }
}

/// What Go calls the type of a JSON value.
pub(crate) fn go_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// What Go's JSON decoder says about text that is no JSON.
fn go_json_error(text: &[u8], error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "unexpected EOF".to_owned();
    }
    let start = text.iter().position(|byte| !byte.is_ascii_whitespace());
    let start = start.unwrap_or(0);
    for literal in ["null", "true", "false"] {
        if text[start] != literal.as_bytes()[0] {
            continue;
        }
        let pairs = literal.bytes().zip(&text[start..]);
        if let Some((want, got)) = pairs.skip(1).find(|(want, got)| *want != **got) {
            return format!(
                "invalid character '{}' in literal {literal} (expecting '{}')",
                char::from(*got),
                char::from(want)
            );
        }
    }
    let column = error.column().saturating_sub(1);
    let line = text.split(|byte| *byte == b'\n').nth(error.line() - 1);
    let bad = line.and_then(|line| line.get(column)).unwrap_or(&b' ');
    format!(
        "invalid character '{}' looking for beginning of value",
        char::from(*bad)
    )
}

/// The answer of a registration, an evaluate and the like.
pub(crate) fn registered(registered: &Registered) -> Reply {
    let answer = json!({"EvalCreateIndex": registered.eval_create_index,
        "EvalID": registered.eval_id, "Index": registered.index,
        "JobModifyIndex": registered.job_modify_index, "KnownLeader": false, "LastContact": 0,
        "NextToken": "", "Warnings": registered.warnings});
    Reply::written(registered.index, &answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::{HeaderMap, Method};

    #[test]
    fn bodies_that_are_no_json_have_gos_texts() {
        for (text, expected) in [
            ("", "EOF"),
            ("{", "unexpected EOF"),
            (
                "not json",
                "invalid character 'o' in literal null (expecting 'u')",
            ),
            ("{]", "invalid character ']' looking for beginning of value"),
            (
                "<html>",
                "invalid character '<' looking for beginning of value",
            ),
        ] {
            let mut call = Call::new(Method::PUT, "/v1/jobs", "", &HeaderMap::new());
            call.body = Bytes::from(text);
            let error = body(&call, 400).expect_err(text);
            assert_eq!((error.status, error.text.as_str()), (400, expected));
        }
    }
}
