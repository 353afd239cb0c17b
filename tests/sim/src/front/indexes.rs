//! Indexes after the servers were restored from an older snapshot: all are lower than what clients
//! have seen. The objects are the same as before.

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::Value;

use crate::api::{Call, Content, Reply};

/// How far the indexes have gone back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rewound(pub(crate) u64);

impl Rewound {
    /// What a client asks with, on the cluster's own scale.
    pub(crate) fn asked(self, call: &Call) -> Cow<'_, Call> {
        let index: Option<u64> = call.param("index").and_then(|text| text.parse().ok());
        match index.filter(|index| *index > 0 && self.0 > 0) {
            Some(index) => Cow::Owned(call.with_index(index.saturating_add(self.0))),
            None => Cow::Borrowed(call),
        }
    }

    /// What a client is told.
    pub(crate) fn told(self, reply: &mut Reply) {
        if self.0 == 0 {
            return;
        }
        reply.meta.index = reply.meta.index.map(|index| self.lower(index));
        if reply.content == Content::Json
            && let Ok(mut body) = serde_json::from_slice(&reply.body)
        {
            self.walk(&mut body);
            reply.body = Bytes::from(body.to_string());
        }
    }

    /// Are the indexes what they were?
    pub(crate) fn is_none(self) -> bool {
        self.0 == 0
    }

    /// What is not zero stays so: zero means that there is nothing.
    fn lower(self, index: u64) -> u64 {
        index.saturating_sub(self.0).max(index.min(1))
    }

    /// Lowers all indexes in a piece of JSON.
    pub(crate) fn walk(self, value: &mut Value) {
        match value {
            Value::Array(list) => list.iter_mut().for_each(|item| self.walk(item)),
            Value::Object(map) => {
                for (key, value) in map {
                    match value.as_u64() {
                        Some(index) if key.ends_with("Index") => {
                            *value = self.lower(index).into();
                        }
                        _ => self.walk(value),
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method};
    use serde_json::json;

    use super::*;

    #[test]
    fn clients_see_lower_indexes_and_ask_with_them() {
        let rewound = Rewound(100);
        let mut reply = Reply::found(
            130,
            br#"[{"ModifyIndex":130,"CreateIndex":20,"Count":130}]"#.to_vec(),
        );
        rewound.told(&mut reply);
        assert_eq!(reply.meta.index, Some(30));
        let body: Value = serde_json::from_slice(&reply.body).expect("JSON");
        assert_eq!(
            body,
            json!([{"ModifyIndex": 30, "CreateIndex": 1, "Count": 130}])
        );
        let call = Call::new(
            Method::GET,
            "/v1/jobs",
            "index=30&wait=1s",
            &HeaderMap::new(),
        );
        assert_eq!(rewound.asked(&call).param("index"), Some("130"));
    }
}
