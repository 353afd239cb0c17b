//! Certificates and keys from files, as Nomad's own client takes them: a CA file or a directory replaces the system's roots, the
//! client's certificate and key come in PEM and unencrypted.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use reqwest::{Certificate, Identity};

use super::config::ConfigError;

/// What TLS needs.
#[derive(Clone, Default)]
pub(crate) struct Tls {
    /// The only certificates that are trusted; `None` means the system's.
    pub(crate) roots: Option<Vec<Certificate>>,
    pub(crate) identity: Option<Identity>,
    /// Name to ask for and to check instead of the host of the address.
    pub(crate) server_name: Option<String>,
    pub(crate) skip_verify: bool,
}

impl fmt::Debug for Tls {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("roots", &self.roots.as_ref().map(Vec::len))
            .field("identity", &self.identity.is_some())
            .field("server_name", &self.server_name)
            .field("skip_verify", &self.skip_verify)
            .finish()
    }
}

/// The certificates of one file.
pub(crate) fn ca_file(path: &str) -> Result<Vec<Certificate>, ConfigError> {
    let certificates = certificates(Path::new(path)).map_err(ConfigError::CaFile)?;
    if certificates.is_empty() {
        return Err(ConfigError::CaFile(format!(
            "{path} holds no PEM certificate"
        )));
    }
    Ok(certificates)
}

/// The certificates of all files below a directory. Files without a certificate are passed over, a directory without any is an error.
pub(crate) fn ca_directory(path: &str) -> Result<Vec<Certificate>, ConfigError> {
    let mut all = Vec::new();
    let mut directories = vec![Path::new(path).to_owned()];
    while let Some(directory) = directories.pop() {
        let entries = fs::read_dir(&directory)
            .and_then(Iterator::collect::<io::Result<Vec<_>>>)
            .map_err(|error| ConfigError::CaPath(cannot("open", &directory, &error)))?;
        for entry in entries {
            let kind = entry
                .file_type()
                .map_err(|error| ConfigError::CaPath(cannot("stat", &entry.path(), &error)))?;
            if kind.is_dir() {
                directories.push(entry.path());
            } else if !entry.path().is_dir() {
                // Links to directories are passed over: a mounted secret keeps its files behind such links, and lists them once more.
                all.extend(certificates(&entry.path()).map_err(ConfigError::CaPath)?);
            }
        }
    }
    if all.is_empty() {
        return Err(ConfigError::CaPath(format!(
            "there is no PEM certificate in {path}"
        )));
    }
    Ok(all)
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, String> {
    let pem = fs::read(path).map_err(|error| cannot("open", path, &error))?;
    Certificate::from_pem_bundle(&pem)
        .map_err(|_| format!("{} holds a certificate that cannot be read", path.display()))
}

/// The client's certificate and key.
pub(crate) fn identity(certificate: &str, key: &str) -> Result<Identity, ConfigError> {
    let read = |path: &str| {
        fs::read(path)
            .map_err(|error| ConfigError::ClientCert(cannot("open", Path::new(path), &error)))
    };
    let certificate_pem = read(certificate)?;
    let key_pem = read(key)?;
    let problem = |text: String| Err(ConfigError::ClientCert(text));
    if !holds(&certificate_pem, "CERTIFICATE-----") {
        return problem(format!("{certificate} holds no PEM certificate"));
    }
    if holds(&key_pem, "ENCRYPTED") {
        return problem(format!(
            "the key in {key} is encrypted; it has to be decrypted first, for example with 'openssl pkey'"
        ));
    }
    if !holds(&key_pem, "PRIVATE KEY-----") {
        return problem(format!("{key} holds no PEM private key"));
    }
    let mut both = certificate_pem;
    both.push(b'\n');
    both.extend_from_slice(&key_pem);
    Identity::from_pem(&both).map_err(|_| {
        ConfigError::ClientCert(format!(
            "the certificate in {certificate} or the key in {key} cannot be read"
        ))
    })
}

fn holds(pem: &[u8], text: &str) -> bool {
    pem.windows(text.len())
        .any(|window| window == text.as_bytes())
}

/// A failed file operation in the words that Nomad's users know: `open /x: no such file or directory`.
fn cannot(verb: &str, path: &Path, error: &io::Error) -> String {
    format!("{verb} {}: {}", path.display(), plain(&error.to_string()))
}

/// The words of a system error, without its number and without the capital.
pub(crate) fn plain(error: &str) -> String {
    let text = error
        .split_once(" (os error ")
        .map_or(error, |(text, _)| text);
    let mut characters = text.chars();
    match characters.next() {
        Some(first) if !characters.as_str().starts_with(char::is_uppercase) => {
            first.to_lowercase().chain(characters).collect()
        }
        _ => text.to_owned(),
    }
}
