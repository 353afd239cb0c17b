//! Where and how to reach the Nomad agent: flags before environment before defaults, as Nomad's own client decides it.

use super::request::{RequestError, Requests};
use super::secret::Secret;

/// The general options as typed. `None` and an empty text both mean "not given" (behaviour 1.3).
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

/// Where the agent is and what every request to it carries.
#[derive(Clone, Debug)]
pub(crate) struct ClientConfig {
    /// Scheme and authority of requests, without user info and without a final slash.
    pub(crate) base: String,
    pub(crate) region: Option<String>,
    pub(crate) namespace: Option<String>,
    pub(crate) token: Option<Secret>,
    /// User name and password for a proxy in front of the agent.
    pub(crate) basic_auth: Option<(String, Secret)>,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            base: "http://127.0.0.1:4646".to_owned(),
            region: None,
            namespace: None,
            token: None,
            basic_auth: None,
        }
    }
}

impl ClientConfig {
    pub(crate) fn requests(&self) -> Result<Requests, RequestError> {
        let mut requests = Requests::new(&*self.base)
            .namespace(self.namespace.clone())
            .region(self.region.clone());
        if let Some(token) = &self.token {
            requests = requests.token(token.expose())?;
        }
        Ok(requests)
    }
}
