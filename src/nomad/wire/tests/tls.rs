//! TLS: whom the client trusts, by which name, and how it shows itself.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::*;

/// An authority, a server of its own, and a certificate for a client.
struct Site {
    files: TempDir,
    /// `https://127.0.0.1:<port>`.
    address: String,
}

impl Site {
    /// A server whose certificate is for `name`; with `mutual` it wants a client certificate.
    fn new(name: &str, mutual: bool) -> Self {
        let files = tempfile::tempdir().unwrap();
        let authority_key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let root = authority.self_signed(&authority_key).unwrap();
        let issuer = Issuer::from_params(&authority, &authority_key);
        let issue = |name: &str, purpose| {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            params.extended_key_usages = vec![purpose];
            (params.signed_by(&key, &issuer).unwrap(), key)
        };
        let (certificate, key) = issue(name, ExtendedKeyUsagePurpose::ServerAuth);
        let (client, client_key) = issue("client", ExtendedKeyUsagePurpose::ClientAuth);
        let write =
            |file: &str, text: String| std::fs::write(files.path().join(file), text).unwrap();
        write("ca.pem", root.pem());
        write("cert.pem", client.pem());
        write("key.pem", client_key.serialize_pem());

        let builder = ServerConfig::builder();
        let builder = if mutual {
            let mut roots = RootCertStore::empty();
            roots.add(root.der().clone()).unwrap();
            builder.with_client_cert_verifier(
                WebPkiClientVerifier::builder(Arc::new(roots))
                    .build()
                    .unwrap(),
            )
        } else {
            builder.with_no_client_auth()
        };
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = builder
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        Self {
            files,
            address: serve(TlsAcceptor::from(Arc::new(config))),
        }
    }

    fn path(&self, file: &str) -> String {
        self.files.path().join(file).display().to_string()
    }

    /// Flags that trust the site's authority.
    fn trusted(&self) -> ConnectionFlags {
        ConnectionFlags {
            address: Some(self.address.clone()),
            ca_cert: Some(self.path("ca.pem")),
            ..ConnectionFlags::default()
        }
    }
}

/// Answers every request with a job whose id is the `Host` header and whose type is `as` and the name that TLS was asked for.
fn serve(acceptor: TlsAcceptor) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = format!("https://{}", listener.local_addr().unwrap());
    let listener = TcpListener::from_std(listener).unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let host = request
                .lines()
                .find_map(|line| line.strip_prefix("host: "))
                .unwrap_or_default();
            let name = stream.get_ref().1.server_name().unwrap_or_default();
            let body = format!(r#"{{"ID":"{host}","Type":"as {name}"}}"#);
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    address
}

fn connect(flags: &ConnectionFlags) -> Result<Client, ConfigError> {
    let config = ClientConfig::resolve(flags, &Env::default())?;
    let wire = Wire::new(&config)?;
    Ok(Client::new(&config, Arc::new(wire), 50)?)
}

/// The `Host` header and the TLS name that the server saw.
async fn seen(flags: &ConnectionFlags) -> Result<(String, String), ReadError> {
    let job = connect(flags).unwrap().job("web", None).await?.value;
    Ok((job.id, job.kind.trim_start_matches("as ").to_owned()))
}

#[tokio::test]
async fn an_authority_from_a_file_or_a_directory_is_trusted() {
    let site = Site::new("127.0.0.1", false);
    let host = site.address.trim_start_matches("https://").to_owned();
    // An address is not sent as a TLS name.
    assert_eq!(
        seen(&site.trusted()).await.unwrap(),
        (host.clone(), String::new())
    );

    let nested = site.files.path().join("ca.d/nested");
    std::fs::create_dir_all(&nested).unwrap();
    std::fs::copy(site.path("ca.pem"), nested.join("root.pem")).unwrap();
    let flags = ConnectionFlags {
        ca_cert: None,
        ca_path: Some(site.path("ca.d")),
        ..site.trusted()
    };
    assert_eq!(seen(&flags).await.unwrap().0, host);
}

#[tokio::test]
async fn another_authority_or_name_is_refused_for_good_unless_verification_is_skipped() {
    let site = Site::new("127.0.0.1", false);
    let other = Site::new("server.global.nomad", false);
    let strange = ConnectionFlags {
        ca_cert: Some(other.path("ca.pem")),
        ..site.trusted()
    };
    let misnamed = other.trusted();
    for flags in [strange, misnamed] {
        let error = seen(&flags).await.unwrap_err();
        assert!(error.is_connect(), "{error:?}");
        assert!(
            error.to_string().contains("invalid peer certificate"),
            "{error}"
        );
        let careless = ConnectionFlags {
            tls_skip_verify: true,
            ..flags
        };
        seen(&careless).await.unwrap();
    }
}

#[tokio::test]
async fn a_server_name_is_asked_for_and_verified_instead_of_the_host() {
    let site = Site::new("server.global.nomad", false);
    let host = site.address.trim_start_matches("https://").to_owned();
    let named = |name: &str| ConnectionFlags {
        tls_server_name: Some(name.to_owned()),
        ..site.trusted()
    };
    assert_eq!(
        seen(&named("server.global.nomad")).await.unwrap(),
        (host, "server.global.nomad".to_owned())
    );
    let error = seen(&named("client.global.nomad")).await.unwrap_err();
    assert!(error.is_connect(), "{error:?}");
    // The message names the address that was typed.
    assert!(error.to_string().contains(&site.address), "{error}");

    for name in ["10.0.0.1", "a b"] {
        let error = connect(&named(name)).unwrap_err();
        assert_eq!(error, ConfigError::ServerName(name.to_owned()));
    }
}

#[tokio::test]
async fn a_client_certificate_is_shown_and_its_lack_is_final() {
    let site = Site::new("127.0.0.1", true);
    let error = seen(&site.trusted()).await.unwrap_err();
    assert!(error.is_connect(), "{error:?}");
    assert!(error.to_string().contains("CertificateRequired"), "{error}");
    let known = ConnectionFlags {
        client_cert: Some(site.path("cert.pem")),
        client_key: Some(site.path("key.pem")),
        ..site.trusted()
    };
    seen(&known).await.unwrap();
}

// An agent over its limit hangs up on the handshake: with TLS, too, that is worth another attempt.
#[tokio::test]
async fn a_handshake_that_is_cut_off_was_no_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    for _ in 0..20 {
        let error = restart_error(&address).await;
        assert!(
            matches!(&error, CallError::NotSent(ReadError::Send(sent)) if sent.kind == SendErrorKind::Unsent),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn files_that_are_no_use_are_named() {
    let site = Site::new("127.0.0.1", false);
    let file = |name: &str, text: &str| {
        std::fs::write(site.files.path().join(name), text).unwrap();
        site.path(name)
    };
    let base = || ConnectionFlags {
        ca_cert: None,
        ..site.trusted()
    };
    let identity = |cert: &str, key: &str| ConnectionFlags {
        client_cert: Some(cert.into()),
        client_key: Some(key.into()),
        ..base()
    };
    let empty = site.files.path().join("empty.d");
    std::fs::create_dir(&empty).unwrap();
    let encrypted = file(
        "encrypted.pem",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    let text = file("text.pem", "not PEM\n");
    let broken = file(
        "broken.pem",
        "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
    );
    let flags_of_ca = |path: &str| ConnectionFlags {
        ca_cert: Some(path.into()),
        ..base()
    };
    let flags_of_directory = |path: &str| ConnectionFlags {
        ca_path: Some(path.into()),
        ..base()
    };
    let (cert, key) = (site.path("cert.pem"), site.path("key.pem"));
    let empty = empty.display().to_string();
    for (flags, expected) in [
        (
            flags_of_ca("/nonexistent.pem"),
            "Error loading CA File: open /nonexistent.pem: no such file or directory".to_owned(),
        ),
        (
            flags_of_ca(&text),
            format!("Error loading CA File: {text} holds no PEM certificate"),
        ),
        (
            flags_of_ca(&broken),
            format!("Error loading CA File: {broken} holds a certificate that cannot be read"),
        ),
        (
            flags_of_directory(&empty),
            format!("Error loading CA directory: there is no PEM certificate in {empty}"),
        ),
        (
            flags_of_directory("/nonexistent.d"),
            "Error loading CA directory: open /nonexistent.d: no such file or directory".to_owned(),
        ),
        (
            identity("/nonexistent.pem", &key),
            "Error loading client certificate: open /nonexistent.pem: no such file or directory"
                .to_owned(),
        ),
        (
            identity(&cert, &encrypted),
            format!(
                "Error loading client certificate: the key in {encrypted} is encrypted; it has to be decrypted first, \
                 for example with 'openssl pkey'"
            ),
        ),
        (
            identity(&cert, &text),
            format!("Error loading client certificate: {text} holds no PEM private key"),
        ),
        (
            identity(&text, &key),
            format!("Error loading client certificate: {text} holds no PEM certificate"),
        ),
    ] {
        assert_eq!(connect(&flags).unwrap_err().to_string(), expected);
        // Plain http needs no files, yet a mistake in them is said all the same.
        let plain = ConnectionFlags {
            address: Some("http://127.0.0.1:4646".into()),
            ..flags
        };
        assert!(connect(&plain).is_err());
    }
}
