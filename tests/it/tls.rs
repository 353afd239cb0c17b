//! A TLS port in front of a served cluster, and the certificates that both sides need, made anew for each test.

use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::support::runtime;

/// A certificate authority.
pub(crate) struct Authority {
    /// Its own certificate, PEM.
    pub(crate) certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, PEM.
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        Self {
            certificate: params.self_signed(&key).unwrap().pem(),
            issuer: Issuer::new(params, key),
        }
    }

    /// A certificate for this name or address, for either side.
    pub(crate) fn issue(&self, name: &str) -> Identity {
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        self.sign(&params)
    }

    /// One whose time is over.
    pub(crate) fn issue_expired(&self, name: &str) -> Identity {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
        self.sign(&params)
    }

    fn sign(&self, params: &CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        Identity {
            certificate: params.signed_by(&key, &self.issuer).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }
}

/// A port that speaks TLS and passes everything on to another one.
#[derive(Debug)]
pub(crate) struct Front {
    pub(crate) port: u16,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Front {
    /// In front of the server at `address` (`http://127.0.0.1:41234`). With `clients`, only their certificates are let in.
    pub(crate) fn start(address: &str, identity: &Identity, clients: Option<&Authority>) -> Self {
        let target = address.trim_start_matches("http://").to_owned();
        let acceptor = TlsAcceptor::from(Arc::new(config(identity, clients)));
        let (sender, receiver) = mpsc::channel();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            runtime().block_on(async {
                let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
                sender.send(listener.local_addr().unwrap().port()).unwrap();
                tokio::select! {
                    () = serve(listener, acceptor, target) => {}
                    _ = stopped => {}
                }
            });
        });
        Self {
            port: receiver.recv().unwrap(),
            stop: Some(stop),
            thread: Some(thread),
        }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been printed; the test fails by what it misses.
            let _ = thread.join();
        }
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, target: String) {
    loop {
        let (outside, _) = listener.accept().await.unwrap();
        let (acceptor, target) = (acceptor.clone(), target.clone());
        tokio::spawn(async move {
            // A client that does not trust this side, or is not trusted, has hung up: the test sees what it says about it.
            let Ok(mut outside) = acceptor.accept(outside).await else {
                return;
            };
            let mut inside = TcpStream::connect(target).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
        });
    }
}

fn config(identity: &Identity, clients: Option<&Authority>) -> ServerConfig {
    let certificate = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
    let builder = ServerConfig::builder();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(certificate(&authority.certificate)).unwrap();
            let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build();
            builder.with_client_cert_verifier(verifier.unwrap())
        }
    };
    builder
        .with_single_cert(vec![certificate(&identity.certificate)], key)
        .unwrap()
}
