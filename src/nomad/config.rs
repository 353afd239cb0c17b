//! Where and how to reach the Nomad agent: flags before environment before defaults, as Nomad's own client decides it.

use std::fmt;

use super::address::{Address, Target, UserInfo};
use super::proxy;
use super::request::{RequestError, Requests};
use super::secret::Secret;
use super::tls::{self, Tls};
use crate::env::Env;

/// The general options as typed. `None` and an empty text both mean "not given".
#[derive(Clone, Default)]
pub(crate) struct ConnectionFlags {
    pub(crate) address: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) namespace: Option<String>,
    pub(crate) token: Option<String>,
    pub(crate) ca_cert: Option<String>,
    pub(crate) ca_path: Option<String>,
    pub(crate) client_cert: Option<String>,
    pub(crate) client_key: Option<String>,
    pub(crate) tls_server_name: Option<String>,
    pub(crate) tls_skip_verify: bool,
}

impl fmt::Debug for ConnectionFlags {
    /// Without the token, and without the address, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionFlags")
            .field("region", &self.region)
            .field("namespace", &self.namespace)
            .field("token", &self.token.is_some())
            .finish_non_exhaustive()
    }
}

/// Where the agent is, how to reach it, and what every request to it carries.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClientConfig {
    pub(crate) address: Address,
    pub(crate) region: Option<String>,
    pub(crate) namespace: Option<String>,
    pub(crate) token: Option<Secret>,
    /// For a proxy in front of the agent; Nomad itself does not look at it.
    pub(crate) basic_auth: Option<UserInfo>,
    pub(crate) tls: Tls,
    /// The proxy to go through, as the environment spells it.
    pub(crate) proxy: Option<Secret>,
}

/// Why no client can be made of the options. Shown after `Error initializing client: `.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("invalid address '{address}': {why}")]
    Address { address: String, why: String },
    #[error("Both client cert and client key must be provided")]
    HalfIdentity,
    #[error("Error loading CA File: {0}")]
    CaFile(String),
    #[error("Error loading CA directory: {0}")]
    CaPath(String),
    #[error("Error loading client certificate: {0}")]
    ClientCert(String),
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error("invalid proxy {proxy:?}: {why}")]
    Proxy { proxy: String, why: String },
    #[error(
        "the TLS server name {0:?} cannot be used: it has to be a host name, and it does not work through a proxy"
    )]
    ServerName(String),
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

impl ClientConfig {
    /// Decides everything and reads the files that are named. Nothing is sent.
    pub(crate) fn resolve(flags: &ConnectionFlags, env: &Env) -> Result<Self, ConfigError> {
        let given = |flag: &Option<String>, variable: &str| given(flag.as_deref(), env, variable);
        let (namespace, region) = flags.scope(env);
        let mut address = match given(&flags.address, "NOMAD_ADDR") {
            Some(text) => Address::parse(&text)?,
            None => Address::default(),
        };
        let token = given(&flags.token, "NOMAD_TOKEN")
            .map(|token| token.trim().to_owned())
            .filter(|token| !token.is_empty())
            .map(Secret::new);
        let basic_auth = address.user_info.take().or_else(|| {
            env.get("NOMAD_HTTP_AUTH").map(|both| {
                let (user, password) = both.split_once(':').unwrap_or((both, ""));
                UserInfo {
                    user: user.to_owned(),
                    password: Secret::new(password),
                }
            })
        });
        let roots = match (
            given(&flags.ca_cert, "NOMAD_CACERT"),
            given(&flags.ca_path, "NOMAD_CAPATH"),
        ) {
            (Some(file), _) => Some(tls::ca_file(&file)?),
            (None, Some(directory)) => Some(tls::ca_directory(&directory)?),
            (None, None) => None,
        };
        let identity = match (
            given(&flags.client_cert, "NOMAD_CLIENT_CERT"),
            given(&flags.client_key, "NOMAD_CLIENT_KEY"),
        ) {
            (Some(certificate), Some(key)) => Some(tls::identity(&certificate, &key)?),
            (None, None) => None,
            _ => return Err(ConfigError::HalfIdentity),
        };
        let proxy = match &address.target {
            Target::Tcp { https, host, port } => proxy::of_environment(env, *https, host, *port),
            Target::Unix(_) => None,
        };
        let config = Self {
            region,
            namespace,
            token,
            basic_auth,
            tls: Tls {
                roots,
                identity,
                server_name: given(&flags.tls_server_name, "NOMAD_TLS_SERVER_NAME"),
                skip_verify: flags.tls_skip_verify
                    || env.get("NOMAD_SKIP_VERIFY").and_then(go_bool) == Some(true),
            },
            proxy: proxy.map(Secret::new),
            address,
        };
        config.requests()?;
        Ok(config)
    }

    /// What all requests have in common.
    pub(crate) fn requests(&self) -> Result<Requests, RequestError> {
        let mut requests = Requests::new(&*self.address.base)
            .namespace(self.namespace.clone())
            .region(self.region.clone());
        if let Some(token) = &self.token {
            requests = requests.token(token)?;
        }
        if let Some(UserInfo { user, password }) = &self.basic_auth {
            requests = requests.basic_auth(user, password)?;
        }
        Ok(requests)
    }
}

/// The value of a flag, or of the variable that stands in for it; what is empty is not given.
fn given(flag: Option<&str>, env: &Env, variable: &str) -> Option<String> {
    flag.filter(|value| !value.is_empty())
        .or_else(|| env.get(variable))
        .map(ToOwned::to_owned)
}

impl ConnectionFlags {
    /// The namespace and the region that are asked for, if any are.
    pub(crate) fn scope(&self, env: &Env) -> (Option<String>, Option<String>) {
        (
            given(self.namespace.as_deref(), env, "NOMAD_NAMESPACE"),
            given(self.region.as_deref(), env, "NOMAD_REGION"),
        )
    }
}

/// A truth value as Go reads it from a text.
fn go_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
