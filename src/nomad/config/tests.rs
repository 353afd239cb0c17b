//! What flags and environment decide, and what is wrong with them.

use std::fs;

use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;

use super::*;

fn resolve(flags: &ConnectionFlags, env: &[(&str, &str)]) -> Result<ClientConfig, ConfigError> {
    ClientConfig::resolve(flags, &Env::from_pairs(env.iter().copied()))
}

fn of_env(env: &[(&str, &str)]) -> ClientConfig {
    resolve(&ConnectionFlags::default(), env).unwrap()
}

fn error_of(env: &[(&str, &str)]) -> String {
    resolve(&ConnectionFlags::default(), env)
        .unwrap_err()
        .to_string()
}

/// A flag with this value.
fn given(text: impl Into<String>) -> Option<String> {
    text.into().into()
}

#[test]
fn defaults() {
    let config = of_env(&[]);
    assert_eq!(config.address, Address::default());
    assert_eq!((config.region, config.namespace), (None, None));
    assert_eq!(
        (config.token, config.basic_auth, config.proxy),
        (None, None, None)
    );
    assert!(config.tls.roots.is_none() && config.tls.identity.is_none());
    assert!(!config.tls.skip_verify);
}

// 1.3
#[test]
fn flags_before_environment_and_empty_means_not_given() {
    // D83
    let env = [
        ("NOMAD_ADDR", "http://env:1"),
        ("NOMAD_REGION", "env-region"),
        ("NOMAD_NAMESPACE", "env-namespace"),
        ("NOMAD_TOKEN", "env-token"),
        ("NOMAD_TLS_SERVER_NAME", "env.name"),
    ];
    let flags = ConnectionFlags {
        address: given("http://flag:2"),
        region: given("flag-region"),
        namespace: given("flag-namespace"),
        token: given("flag-token"),
        tls_server_name: given("flag.name"),
        ..ConnectionFlags::default()
    };
    let empty = ConnectionFlags {
        address: given(""),
        region: given(""),
        namespace: given(""),
        token: given(""),
        tls_server_name: given(""),
        ..ConnectionFlags::default()
    };
    for (flags, from) in [
        (flags, "flag"),
        (empty, "env"),
        (ConnectionFlags::default(), "env"),
    ] {
        let config = resolve(&flags, &env).unwrap();
        assert!(config.address.base.starts_with(&format!("http://{from}:")));
        assert_eq!(config.region, given(format!("{from}-region")));
        assert_eq!(config.namespace, given(format!("{from}-namespace")));
        assert_eq!(config.token, Some(Secret::new(format!("{from}-token"))));
        assert_eq!(config.tls.server_name, given(format!("{from}.name")));
    }
    let config = of_env(&[("NOMAD_ADDR", ""), ("NOMAD_TOKEN", "")]);
    assert_eq!(config.address, Address::default());
    assert_eq!(config.token, None);
}

#[test]
fn tokens_are_trimmed() {
    let token = |text| of_env(&[("NOMAD_TOKEN", text)]).token;
    assert_eq!(token(" abc\n"), Some(Secret::new("abc")));
    assert_eq!(token(" \n"), None);
    assert_eq!(
        error_of(&[("NOMAD_TOKEN", "a\nb")]),
        "the token holds characters that an HTTP header cannot carry"
    );
}

// 1.3.14
#[test]
fn user_info_of_the_address_wins_over_the_variable() {
    let auth = |address, both| {
        let config = of_env(&[("NOMAD_ADDR", address), ("NOMAD_HTTP_AUTH", both)]);
        config
            .basic_auth
            .map(|info| format!("{} {}", info.user, info.password.expose()))
    };
    assert_eq!(auth("http://nomad", "u:p:q").as_deref(), Some("u p:q"));
    assert_eq!(auth("http://nomad", "u").as_deref(), Some("u "));
    assert_eq!(auth("http://x:y@nomad", "u:p").as_deref(), Some("x y"));
    assert_eq!(auth("http://nomad", ""), None);
}

// 1.3.10
#[test]
fn certificate_checks_are_switched_off_by_either() {
    for (flag, variable, expected) in [
        (false, "", false),
        (true, "", true),
        (true, "false", true),
        (false, "1", true),
        (false, "true", true),
        (false, "T", true),
        (false, "0", false),
        (false, "False", false),
        (false, "yes", false),
        (false, "tRUE", false),
    ] {
        let flags = ConnectionFlags {
            tls_skip_verify: flag,
            ..ConnectionFlags::default()
        };
        let config = resolve(&flags, &[("NOMAD_SKIP_VERIFY", variable)]).unwrap();
        assert_eq!(config.tls.skip_verify, expected, "{flag} {variable}");
    }
}

#[test]
fn secrets_are_not_shown() {
    let flags = ConnectionFlags {
        address: given("http://me:s3cret@nomad"),
        token: given("s3cret"),
        ..ConnectionFlags::default()
    };
    let config = resolve(&flags, &[("HTTP_PROXY", "http://me:s3cret@proxy")]).unwrap();
    for shown in [
        format!("{flags:?}"),
        format!("{config:?}"),
        config.address.base.clone(),
    ] {
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}

#[test]
fn the_proxy_belongs_to_the_address() {
    let proxy = |address| {
        let config = of_env(&[("HTTP_PROXY", "http://proxy"), ("NOMAD_ADDR", address)]);
        config.proxy.is_some()
    };
    assert!(proxy("http://nomad"));
    assert!(!proxy("https://nomad"));
    assert!(!proxy("http://127.0.0.1:4646"));
    assert!(!proxy("unix:///run/nomad.sock"));
}

struct Files {
    directory: TempDir,
}

impl Files {
    fn new() -> Self {
        Self {
            directory: TempDir::new().unwrap(),
        }
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }
}

fn certificate() -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["nomad".to_owned()]).unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

// N14
#[test]
fn ca_files() {
    let files = Files::new();
    let (one, key) = certificate();
    let (two, _) = certificate();
    let both = files.write("both.pem", &format!("comment\n{one}\n{two}"));
    let config = of_env(&[("NOMAD_CACERT", &both), ("NOMAD_CAPATH", "/nonexistent")]);
    assert_eq!(
        config.tls.roots.unwrap().len(),
        2,
        "the file wins over the directory"
    );

    let missing = files.path("missing.pem");
    assert_eq!(
        error_of(&[("NOMAD_CACERT", &missing)]),
        format!("Error loading CA File: open {missing}: no such file or directory")
    );
    let no_certificate = files.write("key.pem", &key);
    assert_eq!(
        error_of(&[("NOMAD_CACERT", &no_certificate)]),
        format!("Error loading CA File: {no_certificate} holds no PEM certificate")
    );
    let broken = files.write(
        "broken.pem",
        "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n",
    );
    assert_eq!(
        error_of(&[("NOMAD_CACERT", &broken)]),
        format!("Error loading CA File: {broken} holds a certificate that cannot be read")
    );
    let directory = files.directory.path().display().to_string();
    assert_eq!(
        error_of(&[("NOMAD_CACERT", &directory)]),
        format!("Error loading CA File: open {directory}: is a directory")
    );
}

#[test]
fn ca_directories() {
    let files = Files::new();
    let directory = files.directory.path().display().to_string();
    assert_eq!(
        error_of(&[("NOMAD_CAPATH", &directory)]),
        format!("Error loading CA directory: there is no PEM certificate in {directory}")
    );
    files.write("one.pem", &certificate().0);
    files.write("README", "not a certificate");
    fs::create_dir(files.path("more")).unwrap();
    files.write("more/two.crt", &certificate().0);
    let config = of_env(&[("NOMAD_CAPATH", &directory)]);
    assert_eq!(config.tls.roots.unwrap().len(), 2);
    assert_eq!(
        error_of(&[("NOMAD_CAPATH", "/nonexistent")]),
        "Error loading CA directory: open /nonexistent: no such file or directory"
    );
}

// N14
#[test]
fn client_certificates() {
    let files = Files::new();
    let (certificate_pem, key_pem) = certificate();
    let cert = files.write("cert.pem", &certificate_pem);
    let key = files.write("key.pem", &key_pem);
    let resolve = |cert: &str, key: &str| {
        let flags = ConnectionFlags {
            client_cert: given(cert),
            client_key: given(key),
            ..ConnectionFlags::default()
        };
        resolve(&flags, &[]).map(|config| config.tls.identity.is_some())
    };
    let error = |cert: &str, key: &str| resolve(cert, key).unwrap_err().to_string();
    assert_eq!(resolve(&cert, &key), Ok(true));
    assert_eq!(resolve("", ""), Ok(false));
    for (cert, key) in [(&*cert, ""), ("", &*key)] {
        assert_eq!(
            error(cert, key),
            "Both client cert and client key must be provided"
        );
    }
    let missing = files.path("missing.pem");
    for (cert, key) in [(&missing, &key), (&cert, &missing)] {
        assert_eq!(
            error(cert, key),
            format!("Error loading client certificate: open {missing}: no such file or directory")
        );
    }
    assert_eq!(
        error(&key, &key),
        format!("Error loading client certificate: {key} holds no PEM certificate")
    );
    assert_eq!(
        error(&cert, &cert),
        format!("Error loading client certificate: {cert} holds no PEM private key")
    );
    for (name, text) in [
        (
            "pkcs8.pem",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n",
        ),
        (
            "old.pem",
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nMIIB\n-----END RSA PRIVATE KEY-----\n",
        ),
    ] {
        let encrypted = files.write(name, text);
        assert_eq!(
            error(&cert, &encrypted),
            format!(
                "Error loading client certificate: the key in {encrypted} is encrypted; it has to be decrypted first, for example with 'openssl pkey'"
            )
        );
    }
    let broken = files.write(
        "broken.pem",
        "-----BEGIN PRIVATE KEY-----\n!!!\n-----END PRIVATE KEY-----\n",
    );
    assert_eq!(
        error(&cert, &broken),
        format!(
            "Error loading client certificate: the certificate in {cert} or the key in {broken} cannot be read"
        )
    );
}
