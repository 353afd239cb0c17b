//! The agent's address: `http://`, `https://` or `unix://`.
//!
//! As for Nomad's own client only scheme, user info and host count; a path or a query is ignored. Errors never repeat user info.

use std::fmt;
use std::path::PathBuf;

use reqwest::Url;

use super::config::ConfigError;
use super::secret::Secret;

/// Where the agent listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// TCP, with TLS if `https`.
    Tcp {
        https: bool,
        /// A name or an IP address; IPv6 without brackets.
        host: String,
        port: u16,
    },
    /// A Unix socket.
    Unix(PathBuf),
}

/// A parsed address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) target: Target,
    /// Scheme and authority for requests, without user info and without a final slash.
    pub(crate) base: String,
    pub(crate) user_info: Option<UserInfo>,
}

/// A user name and a password for HTTP basic authentication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UserInfo {
    pub(crate) user: String,
    pub(crate) password: Secret,
}

impl Address {
    pub(crate) fn parse(text: &str) -> Result<Self, ConfigError> {
        let invalid = |why: String| ConfigError::Address {
            address: without_user_info(text),
            why,
        };
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(invalid(without_scheme(text)));
        };
        match scheme.to_ascii_lowercase().as_str() {
            "unix" if rest.is_empty() => Err(invalid("it names no socket".to_owned())),
            "unix" if !cfg!(unix) => Err(invalid("this system has no Unix sockets".to_owned())),
            "unix" => Ok(Self {
                target: Target::Unix(rest.into()),
                base: "http://127.0.0.1".to_owned(),
                user_info: None,
            }),
            // The URL parser would skip further slashes and take a path for the host.
            "http" | "https" if rest.is_empty() || rest.starts_with(['/', '?', '#']) => {
                Err(invalid("it names no host".to_owned()))
            }
            "http" | "https" => {
                let url = Url::parse(text).map_err(|error| invalid(error.to_string()))?;
                Self::of_url(&url).ok_or_else(|| invalid("it names no host".to_owned()))
            }
            _ => Err(invalid(format!(
                "unsupported protocol scheme {scheme:?}; use http://, https:// or unix://"
            ))),
        }
    }

    fn of_url(url: &Url) -> Option<Self> {
        let host = url.host_str().filter(|host| !host.is_empty())?;
        let base = match url.port() {
            Some(port) => format!("{}://{host}:{port}", url.scheme()),
            None => format!("{}://{host}", url.scheme()),
        };
        let user_info =
            (!url.username().is_empty() || url.password().is_some()).then(|| UserInfo {
                user: percent_decoded(url.username()),
                password: Secret::new(percent_decoded(url.password().unwrap_or_default())),
            });
        Some(Self {
            target: Target::Tcp {
                https: url.scheme() == "https",
                host: host
                    .trim_start_matches('[')
                    .trim_end_matches(']')
                    .to_owned(),
                port: url.port_or_known_default()?,
            },
            base,
            user_info,
        })
    }

    pub(crate) fn is_https(&self) -> bool {
        matches!(self.target, Target::Tcp { https: true, .. })
    }
}

impl Default for Address {
    /// An agent on this machine at its usual port.
    fn default() -> Self {
        Self {
            target: Target::Tcp {
                https: false,
                host: "127.0.0.1".to_owned(),
                port: 4646,
            },
            base: "http://127.0.0.1:4646".to_owned(),
            user_info: None,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port, .. } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port, .. } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

/// What is wrong with an address that has no `://`, in Go's words, and what was probably meant.
fn without_scheme(text: &str) -> String {
    let first = text.split('/').next().unwrap_or_default();
    let why = match first.split_once(':') {
        // A user name, and who knows what it is.
        _ if text.contains('@') => "it has no scheme".to_owned(),
        Some((scheme, _)) if is_scheme(scheme) => {
            format!("unsupported protocol scheme {scheme:?}")
        }
        Some(_) => {
            format!("parse {text:?}: first path segment in URL cannot contain colon")
        }
        None => "unsupported protocol scheme \"\"".to_owned(),
    };
    format!("{why}; did you mean 'http://{}'?", without_user_info(text))
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

/// The address for messages: everything between the scheme and the last `@` may be a secret.
fn without_user_info(text: &str) -> String {
    let Some((before, host)) = text.rsplit_once('@') else {
        return text.to_owned();
    };
    match before.split_once("://") {
        Some((scheme, _)) => format!("{scheme}://…@{host}"),
        None => format!("…@{host}"),
    }
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = (first == b'%')
            .then(|| tail.get(..2))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let Some(byte) = escaped {
            bytes.push(byte);
            rest = &tail[2..];
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tcp(https: bool, host: &str, port: u16) -> Target {
        Target::Tcp {
            https,
            host: host.to_owned(),
            port,
        }
    }

    // N15
    #[test]
    fn addresses_that_work() {
        for (text, target, base) in [
            (
                "http://127.0.0.1:4646",
                tcp(false, "127.0.0.1", 4646),
                "http://127.0.0.1:4646",
            ),
            (
                "HTTPS://Nomad.Example.com",
                tcp(true, "nomad.example.com", 443),
                "https://nomad.example.com",
            ),
            ("http://nomad", tcp(false, "nomad", 80), "http://nomad"),
            (
                "http://[::1]:4646/ui/jobs?x=y",
                tcp(false, "::1", 4646),
                "http://[::1]:4646",
            ),
            (
                "https://user:pw@nomad:8443/path",
                tcp(true, "nomad", 8443),
                "https://nomad:8443",
            ),
            (
                "unix:///run/nomad.sock",
                Target::Unix("/run/nomad.sock".into()),
                "http://127.0.0.1",
            ),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!(address.target, target, "{text}");
            assert_eq!(address.base, base, "{text}");
        }
    }

    #[test]
    fn user_info_is_decoded() {
        for (text, user, password) in [
            ("http://ops:s%40cret@nomad", "ops", "s@cret"),
            ("http://ops@nomad", "ops", ""),
            ("http://:pw@nomad", "", "pw"),
            ("http://a%:%zz@nomad", "a%", "%zz"),
        ] {
            let info = Address::parse(text).unwrap().user_info.unwrap();
            assert_eq!(
                (&*info.user, info.password.expose()),
                (user, password),
                "{text}"
            );
        }
        assert_eq!(Address::parse("http://nomad").unwrap().user_info, None);
    }

    // N15, D24
    #[test]
    fn addresses_that_do_not_work() {
        for (text, message) in [
            (
                "127.0.0.1:4646",
                "invalid address '127.0.0.1:4646': parse \"127.0.0.1:4646\": first path segment in URL cannot contain colon; did you mean 'http://127.0.0.1:4646'?",
            ),
            (
                "localhost:4646",
                "invalid address 'localhost:4646': unsupported protocol scheme \"localhost\"; did you mean 'http://localhost:4646'?",
            ),
            (
                "nomad.example.com",
                "invalid address 'nomad.example.com': unsupported protocol scheme \"\"; did you mean 'http://nomad.example.com'?",
            ),
            (
                "ops:secret@nomad:4646",
                "invalid address '…@nomad:4646': it has no scheme; did you mean 'http://…@nomad:4646'?",
            ),
            (
                "ftp://nomad",
                "invalid address 'ftp://nomad': unsupported protocol scheme \"ftp\"; use http://, https:// or unix://",
            ),
            ("http://", "invalid address 'http://': it names no host"),
            (
                "http:///run",
                "invalid address 'http:///run': it names no host",
            ),
            ("unix://", "invalid address 'unix://': it names no socket"),
            (
                "http://ops:s/cret@nomad:port",
                "invalid address 'http://…@nomad:port': invalid port number",
            ),
            (
                "http://[::1",
                "invalid address 'http://[::1': invalid IPv6 address",
            ),
        ] {
            let error = Address::parse(text).unwrap_err();
            assert_eq!(error.to_string(), message);
            assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics_and_errors_tell_no_secret(
            scheme in "(http://|https://|unix://|ftp://|http:/|//|)",
            before in "[a-z:/?#%]{0,4}",
            after in "\\PC{0,12}",
        ) {
            let _ = Address::parse(&format!("{scheme}{before}{after}"));
            if let Err(error) = Address::parse(&format!("{scheme}{before}S3CRET@{after}")) {
                prop_assert!(!error.to_string().contains("S3CRET"), "{}", error);
            }
        }
    }
}
