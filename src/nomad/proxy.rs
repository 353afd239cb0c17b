//! Which proxy, if any, leads to the agent, read from the environment by the rules of Go's HTTP library.
//!
//! `HTTP_PROXY` or `HTTPS_PROXY` by the scheme of the address, `NO_PROXY` for exceptions; upper case before lower case. Never for
//! this machine itself: a proxy could not reach it.

use std::net::IpAddr;

use crate::env::Env;

/// The proxy for an agent at `host`:`port`, as the environment spells it. It may hold credentials.
pub(crate) fn of_environment<'e>(
    env: &'e Env,
    https: bool,
    host: &str,
    port: u16,
) -> Option<&'e str> {
    let (upper, lower) = if https {
        ("HTTPS_PROXY", "https_proxy")
    } else {
        ("HTTP_PROXY", "http_proxy")
    };
    let proxy = env.get(upper).or_else(|| env.get(lower))?;
    let exceptions = env
        .get("NO_PROXY")
        .or_else(|| env.get("no_proxy"))
        .unwrap_or_default();
    (!is_this_machine(host) && !excepted(exceptions, host, port)).then_some(proxy)
}

fn is_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn excepted(exceptions: &str, host: &str, port: u16) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    exceptions
        .split(',')
        .map(|entry| entry.trim().to_ascii_lowercase())
        .any(|entry| matches(&entry, &host, port))
}

/// Whether one entry of the list of exceptions covers a host: `*`, an address, a network (`10.0.0.0/8`), a domain with its
/// subdomains (`corp.example`) or these alone (`.corp.example`, `*.corp.example`); all but networks may end in `:port`.
fn matches(entry: &str, host: &str, port: u16) -> bool {
    if entry.is_empty() {
        return false;
    }
    if entry == "*" {
        return true;
    }
    if let Some((network, bits)) = entry.split_once('/') {
        return in_network(network, bits, host);
    }
    let (name, only_port) = split_port(entry);
    if only_port.is_some_and(|only| only != port) {
        return false;
    }
    if let (Ok(entry), Ok(host)) = (name.parse::<IpAddr>(), host.parse::<IpAddr>()) {
        return entry == host;
    }
    let name = name.strip_prefix('*').unwrap_or(name);
    if name.starts_with('.') {
        host.ends_with(name)
    } else {
        host == name
            || host
                .strip_suffix(name)
                .is_some_and(|rest| rest.ends_with('.'))
    }
}

/// Splits `host:port`, `[v6]:port`, `[v6]`, or a bare host (a bare IPv6 address is full of colons).
fn split_port(entry: &str) -> (&str, Option<u16>) {
    if let Some(rest) = entry.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').unwrap_or((rest, ""));
        return (
            host,
            rest.strip_prefix(':').and_then(|port| port.parse().ok()),
        );
    }
    match entry.split_once(':') {
        Some((host, port)) if !port.contains(':') => (host, port.parse().ok()),
        _ => (entry, None),
    }
}

fn in_network(network: &str, bits: &str, host: &str) -> bool {
    let (Ok(network), Ok(bits), Ok(host)) = (
        network.parse::<IpAddr>(),
        bits.parse::<u32>(),
        host.parse::<IpAddr>(),
    ) else {
        return false;
    };
    match (network, host) {
        (IpAddr::V4(network), IpAddr::V4(host)) if bits <= 32 => {
            let shift = 32 - bits;
            u32::from(network).checked_shr(shift) == u32::from(host).checked_shr(shift)
        }
        (IpAddr::V6(network), IpAddr::V6(host)) if bits <= 128 => {
            let shift = 128 - bits;
            u128::from(network).checked_shr(shift) == u128::from(host).checked_shr(shift)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(pairs: &[(&str, &str)], https: bool, host: &str) -> Option<String> {
        let env = Env::from_pairs(pairs.iter().copied());
        of_environment(&env, https, host, 4646).map(ToOwned::to_owned)
    }

    #[test]
    fn the_scheme_and_the_case_choose_the_variable() {
        let all = [
            ("HTTP_PROXY", "http://upper"),
            ("http_proxy", "http://lower"),
            ("https_proxy", "http://secure"),
        ];
        assert_eq!(proxy(&all, false, "nomad").as_deref(), Some("http://upper"));
        assert_eq!(proxy(&all, true, "nomad").as_deref(), Some("http://secure"));
        assert_eq!(
            proxy(&all[1..], false, "nomad").as_deref(),
            Some("http://lower")
        );
        assert_eq!(proxy(&[("HTTP_PROXY", "")], false, "nomad"), None);
        assert_eq!(proxy(&all[..2], true, "nomad"), None);
    }

    #[test]
    fn this_machine_is_never_reached_through_a_proxy() {
        let all = [("HTTP_PROXY", "http://proxy")];
        for host in ["localhost", "LocalHost", "127.0.0.1", "127.1.2.3", "::1"] {
            assert_eq!(proxy(&all, false, host), None, "{host}");
        }
        assert!(proxy(&all, false, "localhost.example").is_some());
    }

    #[test]
    fn exceptions() {
        for (entry, host, covered) in [
            ("*", "nomad.corp.example", true),
            ("corp.example", "nomad.corp.example", true),
            ("corp.example", "corp.example", true),
            ("corp.example", "mycorp.example", false),
            (".corp.example", "nomad.corp.example", true),
            (".corp.example", "corp.example", false),
            ("*.corp.example", "nomad.corp.example", true),
            ("*.corp.example", "corp.example", false),
            ("a.example, NOMAD ,b.example", "nomad", true),
            ("nomad:4646", "nomad", true),
            ("nomad:80", "nomad", false),
            ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3:4646", "10.1.2.3", true),
            ("10.1.2.3", "10.1.2.30", false),
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("0.0.0.0/0", "11.1.2.3", true),
            ("0.0.0.0/0", "nomad", false),
            ("fd00::/8", "fd12::1", true),
            ("fd00::/8", "fe80::1", false),
            ("[fd12::1]:4646", "fd12::1", true),
            ("fd12::1", "fd12::1", true),
            ("10.0.0.0/33", "10.1.2.3", false),
            (",, ,", "nomad", false),
            ("nomad", "nomad.", true),
        ] {
            let all = [("HTTP_PROXY", "http://proxy"), ("no_proxy", entry)];
            assert_eq!(
                proxy(&all, false, host).is_none(),
                covered,
                "{entry} {host}"
            );
        }
    }
}
