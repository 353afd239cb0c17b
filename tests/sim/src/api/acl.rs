//! Access control: which token may do what. Off unless a table of tokens is given.

use std::collections::{BTreeMap, BTreeSet};

use super::call::Call;
use crate::model::{ApiError, Version};

/// The tokens that a cluster with access control knows.
#[derive(Clone, Debug, Default)]
pub struct Acl {
    tokens: BTreeMap<String, Token>,
    anonymous: Token,
}

/// What a token may do. Starts without any right.
#[derive(Clone, Debug, Default)]
pub struct Token {
    /// `AccessorID`.
    pub accessor: String,
    pub name: String,
    management: bool,
    expired: bool,
    node_read: bool,
    agent_read: bool,
    operator_read: bool,
    namespaces: BTreeMap<String, BTreeSet<String>>,
}

impl Acl {
    /// Knows no token: every request is anonymous and may do nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Knows this token under its secret.
    #[must_use]
    pub fn with(mut self, secret: &str, token: Token) -> Self {
        self.tokens.insert(secret.to_owned(), token);
        self
    }

    /// Forgets a token; false if it does not know it.
    pub(crate) fn revoke(&mut self, secret: &str) -> bool {
        self.tokens.remove(secret).is_some()
    }

    /// The token's time is over; false if it does not know it.
    pub(crate) fn expire(&mut self, secret: &str) -> bool {
        let token = self.tokens.get_mut(secret);
        token.map(|token| token.expired = true).is_some()
    }

    /// What a request without a token may do.
    #[must_use]
    pub fn anonymous(mut self, token: Token) -> Self {
        self.anonymous = token;
        self
    }
}

impl Token {
    /// A client token without any right.
    pub fn named(name: &str) -> Self {
        Self {
            accessor: format!("accessor-of-{name}"),
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// A token that may do everything.
    pub fn management(name: &str) -> Self {
        Self {
            management: true,
            ..Self::named(name)
        }
    }

    /// Adds a capability in a namespace; namespace `*` is every one.
    #[must_use]
    pub fn allow(mut self, namespace: &str, capability: &str) -> Self {
        let of_namespace = self.namespaces.entry(namespace.to_owned()).or_default();
        of_namespace.insert(capability.to_owned());
        self
    }

    /// Adds what the policy `read` or `write` of a namespace stands for.
    #[must_use]
    pub fn policy(mut self, namespace: &str, policy: &str) -> Self {
        let read = ["list-jobs", "read-job"];
        let write = [
            "submit-job",
            "alloc-lifecycle",
            "dispatch-job",
            "scale-job",
            "read-logs",
            "read-fs",
        ];
        let writing: &[&str] = if policy == "write" { &write } else { &[] };
        for capability in read.iter().chain(writing) {
            self = self.allow(namespace, capability);
        }
        self
    }

    /// May read nodes and members.
    #[must_use]
    pub fn node_read(mut self) -> Self {
        self.node_read = true;
        self
    }

    /// May read `agent/self`.
    #[must_use]
    pub fn agent_read(mut self) -> Self {
        self.agent_read = true;
        self
    }

    /// May read the operator's endpoints.
    #[must_use]
    pub fn operator_read(mut self) -> Self {
        self.operator_read = true;
        self
    }

    /// Its time is over.
    #[must_use]
    pub fn expired(mut self) -> Self {
        self.expired = true;
        self
    }

    /// Does any of its policies name this capability?
    fn names(&self, capability: &str) -> bool {
        self.namespaces.values().any(|set| set.contains(capability))
    }

    fn has(&self, namespace: &str, capability: &str) -> bool {
        let of = |namespace: &str| {
            let capabilities = self.namespaces.get(namespace);
            capabilities.is_some_and(|set| set.contains(capability))
        };
        self.management || of(namespace) || of("*")
    }
}

/// How an endpoint tells of a token that is none, or expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// 403.
    Ordinary,
    /// Asked of the allocation's node.
    Client,
    AgentSelf,
    TokenSelf,
}

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) enum Identity {
    /// Access control is off.
    Everybody,
    Token(Token),
}

pub(crate) fn denied() -> ApiError {
    ApiError::new(403, "Permission denied")
}

/// Who asks with this call.
///
/// # Errors
/// 403, or 500 where the endpoint's style says so, for a token that is not valid.
pub(crate) fn identify(
    acl: Option<&Acl>,
    call: &Call,
    style: Style,
    version: Version,
) -> Result<Identity, ApiError> {
    let not_signed = version.not_signed();
    let Some(acl) = acl else {
        return Ok(Identity::Everybody);
    };
    let secret = call.token();
    if secret.is_empty() {
        return Ok(Identity::Token(acl.anonymous.clone()));
    }
    let failed = |text: String| Err(ApiError::internal(text));
    match acl.tokens.get(secret) {
        Some(token) if token.expired => match style {
            Style::Client => failed("rpc error: ACL token expired".to_owned()),
            Style::TokenSelf => failed("ACL token expired".to_owned()),
            Style::Ordinary | Style::AgentSelf => Err(denied()),
        },
        // Older servers do not take the policy that names it, so that the token has none.
        Some(token) if token.names("evaluate-job") && !version.has_evaluate_job() => {
            Ok(Identity::Token(Token::named(&token.name)))
        }
        Some(token) => Ok(Identity::Token(token.clone())),
        None if is_uuid(secret) => Err(denied()),
        None => match style {
            Style::Ordinary => Err(denied()),
            Style::Client => failed(format!("rpc error: {not_signed}")),
            Style::AgentSelf => failed(format!(
                "ACL token not found or invalid workload identity: {not_signed}"
            )),
            Style::TokenSelf => failed(not_signed.to_owned()),
        },
    }
}

fn is_uuid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}

impl Identity {
    /// Has this capability in the namespace? `*` asks for it in any namespace.
    pub(crate) fn can(&self, namespace: &str, capability: &str) -> bool {
        match self {
            Self::Everybody => true,
            Self::Token(token) if namespace == "*" => {
                let mut sets = token.namespaces.values();
                token.management || sets.any(|set| set.contains(capability))
            }
            Self::Token(token) => token.has(namespace, capability),
        }
    }

    /// 403 without this capability.
    pub(crate) fn need(&self, namespace: &str, capability: &str) -> Result<(), ApiError> {
        self.need_any(namespace, &[capability])
    }

    /// 403 without one of these capabilities.
    pub(crate) fn need_any(&self, namespace: &str, of: &[&str]) -> Result<(), ApiError> {
        let allowed = of.iter().any(|capability| self.can(namespace, capability));
        if allowed { Ok(()) } else { Err(denied()) }
    }

    fn need_right(&self, right: impl Fn(&Token) -> bool) -> Result<(), ApiError> {
        match self {
            Self::Token(token) if !token.management && !right(token) => Err(denied()),
            _ => Ok(()),
        }
    }

    pub(crate) fn need_node_read(&self) -> Result<(), ApiError> {
        self.need_right(|token| token.node_read)
    }

    pub(crate) fn need_agent_read(&self) -> Result<(), ApiError> {
        self.need_right(|token| token.agent_read)
    }

    pub(crate) fn need_operator_read(&self) -> Result<(), ApiError> {
        self.need_right(|token| token.operator_read)
    }

    /// For writes that only management tokens may do here (nodes, namespaces).
    pub(crate) fn need_management(&self) -> Result<(), ApiError> {
        self.need_right(|_| false)
    }

    /// `Type` of the token.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Token(token) if token.management => "management",
            _ => "client",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, HeaderValue, Method};

    const SECRET: &str = "11111111-2222-3333-4444-555555555555";

    fn asked_with(secret: &'static str) -> Call {
        let mut headers = HeaderMap::new();
        headers.insert("x-nomad-token", HeaderValue::from_static(secret));
        Call::new(Method::GET, "/v1/jobs", "", &headers)
    }

    #[test]
    fn capabilities_count_in_their_namespace_only() {
        let acl = Acl::new().with(SECRET, Token::named("reader").policy("prod", "read"));
        let who = identify(
            Some(&acl),
            &asked_with(SECRET),
            Style::Ordinary,
            Version::V2_0,
        )
        .expect("known");
        assert!(who.need("prod", "read-job").is_ok());
        assert!(who.need("*", "list-jobs").is_ok());
        assert_eq!(who.need("default", "read-job"), Err(denied()));
        assert_eq!(who.need("prod", "alloc-lifecycle"), Err(denied()));
        assert_eq!(who.need_node_read(), Err(denied()));
    }

    #[test]
    fn tokens_that_are_not_valid_have_the_texts_of_their_endpoint() {
        let acl = Acl::new().with(SECRET, Token::management("old").expired());
        let text = |secret, style| {
            let error = identify(Some(&acl), &asked_with(secret), style, Version::V2_0)
                .expect_err("not valid");
            (error.status, error.text)
        };
        let denied = (403, "Permission denied".to_owned());
        let unknown = "aaaaaaaa-2222-3333-4444-555555555555";
        assert_eq!(text(unknown, Style::Client), denied);
        assert_eq!(text("no-uuid", Style::Ordinary), denied);
        let (status, told) = text("no-uuid", Style::Client);
        assert_eq!(
            (status, told),
            (500, format!("rpc error: {}", Version::V2_0.not_signed()))
        );
        assert_eq!(text(SECRET, Style::Ordinary), denied);
        assert_eq!(
            text(SECRET, Style::Client),
            (500, "rpc error: ACL token expired".to_owned())
        );
    }
}
