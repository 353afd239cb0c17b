//! The transport of production: `reqwest` over TCP, TLS or a Unix socket.
//!
//! Two clients share one configuration. Reads keep connections for the next read; requests marked [`FreshConnection`] get one that
//! nobody used before. Neither follows redirects, retries, or limits the time of an answer.

mod causes;

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, HOST, HeaderValue};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Body as RequestBody, ClientBuilder, Proxy, redirect};

use self::causes::{causes, hint, is_cut_off, is_refused_certificate, is_unsent};
use super::address::Target;
use super::config::{ClientConfig, ConfigError};
use super::transport::{
    Body, BoxFuture, Chunks, FreshConnection, Response, SendError, SendErrorKind, Transport,
};

/// From the first packet to the end of the TLS handshake.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);
/// Calls may stay silent for minutes; these keep them alive, and notice a peer that is gone.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Sends requests with `reqwest`.
#[derive(Debug)]
pub(crate) struct Wire {
    reused: reqwest::Client,
    fresh: reqwest::Client,
    /// What messages say that could not be reached.
    place: String,
    /// When an agent closes a connection before it has read anything.
    closes: &'static str,
    server_name: Option<ServerName>,
}

/// A name that TLS asks for instead of the host of the address.
#[derive(Clone, Debug)]
struct ServerName {
    name: String,
    /// The `Host` header that the address would have given.
    host_header: HeaderValue,
}

impl Wire {
    /// Keeps at most `idle` connections for the next reads.
    pub(crate) fn new(config: &ClientConfig, idle: usize) -> Result<Self, ConfigError> {
        let server_name = server_name(config)?;
        let build = |idle: usize| {
            builder(config, server_name.is_some())?
                .pool_max_idle_per_host(idle)
                .build()
                // These words come from a check of the given roots: there is no peer yet.
                .map_err(|error| {
                    let causes = causes(&error);
                    ConfigError::Tls(
                        causes.replace("invalid peer certificate", "unusable CA certificate"),
                    )
                })
        };
        let place = match &config.proxy {
            Some(_) => format!("{} through the proxy", config.address.target),
            None => config.address.target.to_string(),
        };
        // The alert that says so may be overtaken by the end of the connection.
        let closes = if config.address.is_https() {
            "as it does when it has too many, or when it does not accept the client's certificate"
        } else {
            "as it does when it has too many"
        };
        Ok(Self {
            reused: build(idle)?,
            fresh: build(0)?,
            place,
            closes,
            server_name,
        })
    }

    async fn exchange(&self, request: http::Request<Bytes>) -> Result<Response, SendError> {
        let fresh = request.extensions().get::<FreshConnection>().is_some();
        let client = if fresh { &self.fresh } else { &self.reused };
        let mut request = self.prepared(request).map_err(|text| SendError {
            kind: SendErrorKind::Connect,
            text,
        })?;
        if fresh {
            // A pool that keeps no idle connection still hands one on to a request that waits for its own, and that one's connection
            // then opens for nobody, beyond the budget.
            let close = HeaderValue::from_static("close");
            request.headers_mut().insert(CONNECTION, close);
        }
        let response = client
            .execute(request)
            .await
            .map_err(|error| self.failed(&error))?;
        Ok(Response {
            status: response.status(),
            headers: response.headers().clone(),
            body: Body::new(Chunked(response)),
        })
    }

    fn prepared(&self, request: http::Request<Bytes>) -> Result<reqwest::Request, String> {
        let mut request = reqwest::Request::try_from(request.map(RequestBody::from))
            .map_err(|error| causes(&error))?;
        if let Some(ServerName { name, host_header }) = &self.server_name {
            request
                .url_mut()
                .set_host(Some(name))
                .map_err(|error| error.to_string())?;
            request.headers_mut().insert(HOST, host_header.clone());
        }
        Ok(request)
    }

    fn failed(&self, error: &reqwest::Error) -> SendError {
        let causes = causes(error);
        let place = &self.place;
        let (kind, text) = if is_unsent(&causes) || (error.is_connect() && is_cut_off(&causes)) {
            (
                SendErrorKind::Unsent,
                format!(
                    "{place} closed the connection before the request was sent, {}",
                    self.closes
                ),
            )
        } else if error.is_connect() {
            let hint = hint(&causes);
            (
                SendErrorKind::Connect,
                format!("cannot connect to {place}: {causes}{hint}"),
            )
        } else if is_refused_certificate(&causes) {
            (
                SendErrorKind::Connect,
                format!("{place} refused the TLS connection: {causes}"),
            )
        } else {
            return broken(error);
        };
        SendError { kind, text }
    }
}

impl Transport for Wire {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<Response, SendError>> {
        Box::pin(self.exchange(request))
    }
}

#[derive(Debug)]
struct Chunked(reqwest::Response);

impl Chunks for Chunked {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, SendError>> {
        Box::pin(async { self.0.chunk().await.map_err(|error| broken(&error)) })
    }
}

fn broken(error: &reqwest::Error) -> SendError {
    let causes = causes(error);
    let problem = if causes.contains("invalid HTTP") || causes.contains("invalid gzip") {
        "the answer cannot be read"
    } else {
        "the connection broke"
    };
    SendError {
        kind: SendErrorKind::Broken,
        text: format!("{problem}: {causes}"),
    }
}

fn server_name(config: &ClientConfig) -> Result<Option<ServerName>, ConfigError> {
    let Some(name) = config.tls.server_name.as_deref() else {
        return Ok(None);
    };
    let Target::Tcp {
        https: true, host, ..
    } = &config.address.target
    else {
        return Ok(None);
    };
    if name.eq_ignore_ascii_case(host) {
        return Ok(None);
    }
    let unusable = || ConfigError::ServerName(name.to_owned());
    // An address would not be looked up, so the connection would go there.
    if name.parse::<IpAddr>().is_ok() || config.proxy.is_some() {
        return Err(unusable());
    }
    let authority = config.address.base.trim_start_matches("https://");
    let probe = format!("https://{name}").parse::<reqwest::Url>();
    if !probe.is_ok_and(|url| {
        url.host_str()
            .is_some_and(|host| host.eq_ignore_ascii_case(name))
    }) {
        return Err(unusable());
    }
    Ok(Some(ServerName {
        name: name.to_owned(),
        host_header: HeaderValue::from_str(authority).map_err(|_| unusable())?,
    }))
}

fn builder(config: &ClientConfig, redirected: bool) -> Result<ClientBuilder, ConfigError> {
    let mut builder = reqwest::Client::builder()
        .http1_only()
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(CONNECT_LIMIT)
        .tcp_keepalive(KEEP_ALIVE)
        .no_proxy();
    if let Some(proxy) = &config.proxy {
        builder = builder.proxy(parse_proxy(proxy.expose())?);
    }
    #[cfg(unix)]
    if let Target::Unix(path) = &config.address.target {
        builder = builder.unix_socket(path.clone());
    }
    if !config.address.is_https() {
        // Without this the system's certificates are loaded, and where there are none that is an error.
        return Ok(builder.tls_certs_only([]));
    }
    let tls = &config.tls;
    if tls.skip_verify {
        builder = builder
            .tls_certs_only([])
            .tls_danger_accept_invalid_certs(true);
    } else if let Some(roots) = &tls.roots {
        builder = builder.tls_certs_only(roots.iter().cloned());
    }
    if let Some(identity) = &tls.identity {
        builder = builder.identity(identity.clone());
    }
    if let (true, Target::Tcp { host, port, .. }) = (redirected, &config.address.target) {
        builder = builder.dns_resolver(Always {
            host: host.clone(),
            port: *port,
        });
    }
    Ok(builder)
}

fn parse_proxy(text: &str) -> Result<Proxy, ConfigError> {
    let invalid = |why: &str| ConfigError::Proxy {
        proxy: text
            .rsplit_once('@')
            .map_or(text, |(_, place)| place)
            .to_owned(),
        why: why.to_owned(),
    };
    let with_scheme = if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    let (scheme, _) = with_scheme.split_once("://").unwrap_or_default();
    if !matches!(scheme, "http" | "https") {
        return Err(invalid("only http:// and https:// proxies are supported"));
    }
    Proxy::all(&with_scheme).map_err(|_| invalid("it is no URL"))
}

/// Looks up one host, whatever name it is asked for.
#[derive(Debug)]
struct Always {
    host: String,
    port: u16,
}

impl Resolve for Always {
    fn resolve(&self, _: Name) -> Resolving {
        let place = (self.host.clone(), self.port);
        Box::pin(async move {
            let found = tokio::task::spawn_blocking(move || {
                place
                    .to_socket_addrs()
                    .map(Iterator::collect::<Vec<SocketAddr>>)
            })
            .await??;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls_tests;
#[cfg(test)]
mod trouble_tests;
