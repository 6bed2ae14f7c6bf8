//! TLS 1.3 with the server's own key, or with a certificate that an authority gave. Of the own key
//! clients pin the key, not the certificate, which can be made anew from it at any time.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use liao_common::{id::Pin, limits::ALPN};
use rcgen::{CertificateParams, DnType, KeyPair, PublicKeyData as _};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject as _},
    server::ParsedCertificate,
};
use tokio_rustls::TlsAcceptor;

use crate::disk::sync_folder;

/// Bytes of a file with certificates or a key that are looked at.
const FILE_BYTES_MAX: u64 = 256 * 1024;

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
    /// The certificates in the file cannot be used.
    #[error("the certificate in {path} cannot be used: {why}")]
    Certificate {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
}

/// A certificate of an authority, with its key, as an ACME client writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// PEM: the server's own certificate first, then those between it and the authority.
    pub chain: PathBuf,
    /// PEM: the private key of the first one.
    pub key: PathBuf,
}

/// Where the identity comes from, at the start and whenever it is read anew.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// The server's own key in this folder.
    Own(PathBuf),
    /// Files that somebody else renews.
    Files(CertificateFiles),
}

/// What wraps accepted streams, and the pin that clients compare.
#[derive(Clone)]
pub(crate) struct Identity {
    /// Does the handshakes.
    pub acceptor: TlsAcceptor,
    /// SHA-256 of the public key.
    pub pin: Pin,
    /// The same of the key that comes after it, where there is one.
    pub next: Option<Pin>,
}

impl Identity {
    /// Reads key and certificate. The own key is made where there is none and `may_create` says so.
    ///
    /// # Errors
    /// See [`TlsError`]. A key that is there and cannot be read is never replaced: everybody has
    /// pinned it.
    pub(crate) fn read(source: &Source, may_create: bool) -> Result<Self, TlsError> {
        let (key, pair, next) = match source {
            Source::Own(folder) => {
                (folder.join("key.pem"), own(folder, may_create)?, next(folder)?)
            }
            Source::Files(files) => (files.key.clone(), given(files)?, None),
        };
        Self::of(pair, next).map_err(|error| unusable(&key, &error))
    }

    fn of((chain, key): Pair, next: Option<Pin>) -> Result<Self, rustls::Error> {
        let pin = match chain.first() {
            Some(own) => pin_of(&ParsedCertificate::try_from(own)?.subject_public_key_info()),
            None => return Err(rustls::Error::NoCertificatesPresented),
        };
        let config = config(chain, key)?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), pin, next })
    }
}

/// The identity in use. Connections take it as it is when their handshake begins, and keep it.
pub(crate) struct Current {
    source: Source,
    identity: RwLock<Identity>,
}

impl Current {
    pub(crate) fn new(source: Source, identity: Identity) -> Self {
        Self { source, identity: RwLock::new(identity) }
    }

    pub(crate) fn identity(&self) -> Identity {
        self.identity.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether an authority may vouch for the key, so that it may change when it is renewed.
    pub(crate) fn is_given(&self) -> bool {
        matches!(self.source, Source::Files(_))
    }

    /// Reads the files again. Blocks.
    ///
    /// # Errors
    /// See [`TlsError`]; then all stays as it was.
    pub(crate) fn reload(&self) -> Result<Pin, TlsError> {
        let identity = Identity::read(&self.source, false)?;
        let pin = identity.pin;
        *self.identity.write().unwrap_or_else(PoisonError::into_inner) = identity;
        Ok(pin)
    }
}

/// Certificates, the server's own first, and its key.
type Pair = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn own(folder: &Path, may_create: bool) -> Result<Pair, TlsError> {
    let path = folder.join("key.pem");
    let key = match fs::read_to_string(&path) {
        Ok(pem) => KeyPair::from_pem(&pem).map_err(|error| unusable(&path, &error))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound && may_create => {
            create(folder, &path)?
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(TlsError::Missing { path: shown(&path) });
        }
        Err(source) => return Err(failed("read", &path, source)),
    };
    let certificate = certificate(&key).map_err(|error| unusable(&path, &error))?;
    Ok((vec![certificate], PrivatePkcs8KeyDer::from(key.serialize_der()).into()))
}

/// The pin of the key that will be the server's, once it is called `key.pem`.
fn next(folder: &Path) -> Result<Option<Pin>, TlsError> {
    let path = folder.join("next.pem");
    match fs::read_to_string(&path) {
        Ok(pem) => {
            let key = KeyPair::from_pem(&pem).map_err(|error| unusable(&path, &error))?;
            Ok(Some(pin_of(&key.subject_public_key_info())))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(failed("read", &path, source)),
    }
}

fn given(files: &CertificateFiles) -> Result<Pair, TlsError> {
    let chain = read_some(&files.chain)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&chain).collect();
    let broken = |why: String| TlsError::Certificate { path: shown(&files.chain), why };
    let chain = chain.map_err(|error| broken(error.to_string()))?;
    let Some(first) = chain.first() else {
        return Err(broken("there is none in it".to_owned()));
    };
    ParsedCertificate::try_from(first).map_err(|error| broken(error.to_string()))?;
    let key = PrivateKeyDer::from_pem_slice(&read_some(&files.key)?)
        .map_err(|error| unusable(&files.key, &error))?;
    Ok((chain, key))
}

fn read_some(path: &Path) -> Result<Vec<u8>, TlsError> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(|source| failed("read", path, source))?;
    file.take(FILE_BYTES_MAX)
        .read_to_end(&mut bytes)
        .map_err(|source| failed("read", path, source))?;
    Ok(bytes)
}

/// The pin of the key in `folder`, if there is one that can be used.
pub(crate) fn pin(folder: &Path) -> Option<Pin> {
    let pem = fs::read_to_string(folder.join("key.pem")).ok()?;
    KeyPair::from_pem(&pem).ok().map(|key| pin_of(&key.subject_public_key_info()))
}

fn pin_of(spki: &[u8]) -> Pin {
    let mut pin = Pin([0; Pin::LEN]);
    pin.0.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, spki).as_ref());
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

/// Refuses a key that is not the first certificate's.
fn config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(config)
}

fn unusable(path: &Path, why: &dyn std::fmt::Display) -> TlsError {
    TlsError::Key { path: shown(path), why: why.to_string() }
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> TlsError {
    TlsError::Io { action, path: shown(path), source }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests;
