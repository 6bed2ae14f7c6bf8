//! TLS 1.3 with the server's own key. Clients pin the key, not the certificate, so the certificate
//! can be made anew from the same key at any time.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::Path,
    sync::Arc,
};

use liao_common::{id::Pin, limits::ALPN};
use rcgen::{CertificateParams, DnType, KeyPair, PublicKeyData as _};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio_rustls::TlsAcceptor;

use crate::disk::sync_folder;

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The files cannot be read or written.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// The verb that failed.
        action: &'static str,
        /// What it was about.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// There are data but no key any more.
    #[error(
        "the server's key {path} is missing, and everybody has pinned it: put it back from a backup, or \
         start once with --new-key to make another"
    )]
    Missing {
        /// The file.
        path: String,
    },
    /// The key in the file cannot be used.
    #[error("the key in {path} cannot be used: {why}")]
    Key {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
}

/// What wraps accepted streams, and the pin that clients compare.
pub(crate) struct Identity {
    /// Does the handshakes.
    pub acceptor: TlsAcceptor,
    /// SHA-256 of the public key.
    pub pin: Pin,
}

/// Loads the key from `folder`, or makes one there where `may_create` says so.
///
/// # Errors
/// See [`TlsError`]. A key that is there and cannot be read is never replaced: everybody has
/// pinned it.
pub(crate) fn identity(folder: &Path, may_create: bool) -> Result<Identity, TlsError> {
    let path = folder.join("key.pem");
    let key = match fs::read_to_string(&path) {
        Ok(pem) => KeyPair::from_pem(&pem).map_err(|error| unusable(&path, &error))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound && may_create => {
            create(folder, &path)?
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(TlsError::Missing { path: path.display().to_string() });
        }
        Err(source) => return Err(failed("read", &path, source)),
    };
    let certificate = certificate(&key).map_err(|error| unusable(&path, &error))?;
    let config = config(&key, certificate).map_err(|error| unusable(&path, &error))?;
    let pin = pin_of(&key);
    Ok(Identity { acceptor: TlsAcceptor::from(Arc::new(config)), pin })
}

/// The pin of the key in `folder`, if there is one that can be used.
pub(crate) fn pin(folder: &Path) -> Option<Pin> {
    let pem = fs::read_to_string(folder.join("key.pem")).ok()?;
    KeyPair::from_pem(&pem).ok().map(|key| pin_of(&key))
}

fn pin_of(key: &KeyPair) -> Pin {
    let mut pin = Pin([0; Pin::LEN]);
    let spki = key.subject_public_key_info();
    pin.0.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, &spki).as_ref());
    pin
}

fn create(folder: &Path, path: &Path) -> Result<KeyPair, TlsError> {
    let key = KeyPair::generate().map_err(|error| unusable(path, &error))?;
    fs::create_dir_all(folder).map_err(|source| failed("create", folder, source))?;
    store(path, &key.serialize_pem())
        .and_then(|()| sync_folder(folder))
        .and_then(|()| folder.parent().map_or(Ok(()), sync_folder))
        .map_err(|source| failed("write", path, source))?;
    Ok(key)
}

/// Under another name first: a key cut short would lock everybody out.
fn store(path: &Path, pem: &str) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&unfinished)?;
    file.write_all(pem.as_bytes())?;
    file.sync_all()?;
    fs::rename(&unfinished, path)
}

fn certificate(key: &KeyPair) -> Result<CertificateDer<'static>, rcgen::Error> {
    let mut params = CertificateParams::new(vec!["liao".to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, "liaod");
    Ok(params.self_signed(key)?.der().clone())
}

fn config(
    key: &KeyPair,
    certificate: CertificateDer<'static>,
) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let der = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], der)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(config)
}

fn unusable(path: &Path, why: &dyn std::fmt::Display) -> TlsError {
    TlsError::Key { path: path.display().to_string(), why: why.to_string() }
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> TlsError {
    TlsError::Io { action, path: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let tls = folder.path().join("tls");
        assert!(matches!(identity(&tls, false), Err(TlsError::Missing { .. })));
        let pin = identity(&tls, true).unwrap().pin;
        assert_eq!(identity(&tls, false).unwrap().pin, pin);
        fs::write(tls.join("key.pem"), "garbage").unwrap();
        assert!(matches!(identity(&tls, true), Err(TlsError::Key { .. })));
    }
}
