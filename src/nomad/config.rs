//! Where and how to reach the Nomad agent: flags before environment before defaults, as Nomad's own client decides it.

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
