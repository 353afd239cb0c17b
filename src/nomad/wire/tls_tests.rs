//! The transport over TLS: roots, names, and client certificates.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::tests::{JOB, Seen, answer, kind};
use super::*;
use crate::env::Env;
use crate::nomad::client::Client;
use crate::nomad::config::ConnectionFlags;
use crate::nomad::error::{CallError, ReadError};
use crate::nomad::request::RestartBody;

/// A certificate authority with what it has issued, in files.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    directory: TempDir,
}

struct Issued {
    pem: String,
    der: Vec<u8>,
    key: KeyPair,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Self {
            issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap(),
            directory: TempDir::new().unwrap(),
        }
    }

    fn issue(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Issued {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Issued {
            pem: certificate.pem(),
            der: certificate.der().to_vec(),
            key,
        }
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// Flags that trust this authority by a file.
    fn trusted(&self) -> ConnectionFlags {
        ConnectionFlags {
            ca_cert: Some(self.file("ca.pem", &self.issuer.pem())),
            ..ConnectionFlags::default()
        }
    }

    /// A server with a certificate of this authority; with `clients`, one that wants a certificate of that authority.
    async fn serve(&self, issued: &Issued, clients: Option<&Self>) -> (String, Seen) {
        let builder = ServerConfig::builder();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.issuer.der().clone()).unwrap();
                builder.with_client_cert_verifier(
                    WebPkiClientVerifier::builder(Arc::new(roots))
                        .build()
                        .unwrap(),
                )
            }
        };
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(issued.key.serialize_der()));
        let config = builder
            .with_single_cert(vec![issued.der.clone().into()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (seen, requests) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            for number in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, seen) = (acceptor.clone(), seen.clone());
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        answer(stream, number, JOB, seen).await;
                    }
                });
            }
        });
        (format!("https://127.0.0.1:{port}"), requests)
    }
}

fn client(address: &str, flags: ConnectionFlags) -> Client {
    let flags = ConnectionFlags {
        address: Some(address.to_owned()),
        ..flags
    };
    let config = ClientConfig::resolve(&flags, &Env::default()).unwrap();
    let wire = Wire::new(&config, 6).unwrap();
    Client::new(&config, Arc::new(wire), 50).unwrap()
}

async fn read(address: &str, flags: ConnectionFlags) -> Result<String, ReadError> {
    let job = client(address, flags).job("web", None).await?;
    Ok(job.value.id)
}

async fn refused(address: &str, flags: ConnectionFlags) -> String {
    let error = read(address, flags).await.unwrap_err();
    assert_eq!(kind(&error), SendErrorKind::Connect, "{error}");
    error.to_string()
}

#[tokio::test]
async fn a_ca_file_or_directory_is_trusted_and_nothing_else() {
    let authority = Authority::new("ours");
    let server = authority.issue(&["127.0.0.1"], |_| {});
    let (address, _seen) = authority.serve(&server, None).await;
    assert_eq!(read(&address, authority.trusted()).await.unwrap(), "web");
    let directory = ConnectionFlags {
        ca_path: Some(authority.directory.path().display().to_string()),
        ..ConnectionFlags::default()
    };
    assert_eq!(read(&address, directory).await.unwrap(), "web");
    let text = refused(&address, Authority::new("theirs").trusted()).await;
    let place = address.trim_start_matches("https://");
    assert_eq!(
        text,
        format!(
            "Get \"{address}/v1/job/web\": cannot connect to {place}: invalid peer certificate: UnknownIssuer; is the right CA given?"
        )
    );
}

#[tokio::test]
async fn checks_can_be_switched_off() {
    let authority = Authority::new("ours");
    let server = authority.issue(&["elsewhere"], |_| {});
    let (address, _seen) = authority.serve(&server, None).await;
    let flags = ConnectionFlags {
        tls_skip_verify: true,
        ..ConnectionFlags::default()
    };
    assert_eq!(read(&address, flags).await.unwrap(), "web");
}

#[tokio::test]
async fn expired_certificates() {
    // N14
    let authority = Authority::new("ours");
    let server = authority.issue(&["127.0.0.1"], |params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    let (address, _seen) = authority.serve(&server, None).await;
    let text = refused(&address, authority.trusted()).await;
    assert!(text.contains("certificate expired"), "{text}");
}

#[tokio::test]
async fn the_server_name_can_differ_from_the_address() {
    let authority = Authority::new("ours");
    let server = authority.issue(&["server.global.nomad"], |_| {});
    let (address, mut seen) = authority.serve(&server, None).await;
    let text = refused(&address, authority.trusted()).await;
    assert!(text.contains("server.global.nomad"), "{text}");

    let named = |name: &str| ConnectionFlags {
        tls_server_name: Some(name.to_owned()),
        ..authority.trusted()
    };
    assert_eq!(
        read(&address, named("server.global.nomad")).await.unwrap(),
        "web"
    );
    let (_, request) = seen.recv().await.unwrap();
    let place = address.trim_start_matches("https://");
    assert!(
        request.contains(&format!("\r\nhost: {place}\r\n")),
        "{request}"
    );

    let text = refused(&address, named("client.global.nomad")).await;
    assert!(text.contains("server.global.nomad"), "{text}");
    assert!(!text.contains("https://client.global.nomad"), "{text}");

    // A host name in the address is looked up, whatever name TLS asks for.
    let localhost = address.replace("127.0.0.1", "localhost");
    let flags = named("server.global.nomad");
    assert_eq!(read(&localhost, flags).await.unwrap(), "web");
}

#[test]
fn server_names_that_cannot_be_used() {
    let wire = |name: &str, env: &[(&str, &str)]| {
        let flags = ConnectionFlags {
            address: Some("https://nomad.example".to_owned()),
            tls_server_name: Some(name.to_owned()),
            tls_skip_verify: true,
            ..ConnectionFlags::default()
        };
        let config = ClientConfig::resolve(&flags, &Env::from_pairs(env.iter().copied()))?;
        Wire::new(&config, 6)
    };
    for name in ["10.0.0.1", "::1", "a/b", "a:1", "user@host", "a b"] {
        let error = wire(name, &[]).unwrap_err();
        assert_eq!(error, ConfigError::ServerName(name.to_owned()));
    }
    wire("server.global.nomad", &[("HTTPS_PROXY", "http://proxy")]).unwrap_err();
    wire("server.global.nomad", &[]).unwrap();
    // The same name changes nothing.
    wire("nomad.example", &[("HTTPS_PROXY", "http://proxy")]).unwrap();
}

#[tokio::test]
async fn client_certificates() {
    let authority = Authority::new("ours");
    let server = authority.issue(&["127.0.0.1"], |_| {});
    let (address, _seen) = authority.serve(&server, Some(&authority)).await;
    let with = |issued: &Issued| ConnectionFlags {
        client_cert: Some(authority.file("client.pem", &issued.pem)),
        client_key: Some(authority.file("client-key.pem", &issued.key.serialize_pem())),
        ..authority.trusted()
    };
    let known = with(&authority.issue(&["client"], |_| {}));
    assert_eq!(read(&address, known).await.unwrap(), "web");

    let text = refused(&address, authority.trusted()).await;
    let place = address.trim_start_matches("https://");
    assert_eq!(
        text,
        format!(
            "Get \"{address}/v1/job/web\": {place} refused the TLS connection: received fatal alert: CertificateRequired"
        )
    );
    let stranger = with(&Authority::new("theirs").issue(&["client"], |_| {}));
    let text = refused(&address, stranger).await;
    assert!(
        text.contains("refused the TLS connection: received fatal alert: "),
        "{text}"
    );

    // Refused in the handshake, so a write was not sent.
    let client = client(&address, authority.trusted());
    let permit = client.write_permit().await;
    let error = client
        .restart(permit, "a1", &RestartBody::default())
        .await
        .unwrap_err();
    assert!(matches!(error, CallError::NotSent(_)), "{error:?}");
}

#[test]
fn a_key_that_belongs_to_another_certificate() {
    let authority = Authority::new("ours");
    let flags = ConnectionFlags {
        address: Some("https://nomad".to_owned()),
        client_cert: Some(authority.file("client.pem", &authority.issue(&["a"], |_| {}).pem)),
        client_key: Some(authority.file("key.pem", &KeyPair::generate().unwrap().serialize_pem())),
        ..authority.trusted()
    };
    let config = ClientConfig::resolve(&flags, &Env::default()).unwrap();
    let error = Wire::new(&config, 6).unwrap_err();
    assert!(
        error.to_string().starts_with("TLS cannot be set up: "),
        "{error}"
    );
}

// A machine without any CA certificate: plain HTTP and sockets must not need one.
#[test]
fn plain_http_needs_no_roots() {
    for address in ["http://nomad", "unix:///run/nomad.sock"] {
        let flags = ConnectionFlags {
            address: Some(address.to_owned()),
            ..ConnectionFlags::default()
        };
        let config = ClientConfig::resolve(&flags, &Env::default()).unwrap();
        assert!(!config.address.is_https());
        Wire::new(&config, 6).unwrap();
    }
}
