//! Which certificate authorities are believed: those of the operating system, and those in a file of
//! one's own. They are read when first needed, and kept; nothing but a file that is named can fail.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
    sync::{Arc, OnceLock},
};

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};

/// Bytes of a file with authorities that are looked at; those of an operating system are a fourth of it.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// See the module. Copies share what was read.
#[derive(Clone, Default)]
pub struct Authorities(Arc<Shared>);

#[derive(Default)]
struct Shared {
    own: Vec<CertificateDer<'static>>,
    of_system: bool,
    roots: OnceLock<Arc<RootCertStore>>,
}

impl Authorities {
    /// Nobody.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Those of the operating system.
    #[must_use]
    pub fn of_system() -> Self {
        Self(Arc::new(Shared { of_system: true, ..Shared::default() }))
    }

    /// Those of the operating system, and those in a PEM file.
    ///
    /// # Errors
    /// When the file cannot be read, or there is none in it.
    pub fn with_file(path: &Path) -> io::Result<Self> {
        let mut pem = Vec::new();
        File::open(path)?.take(FILE_BYTES_MAX).read_to_end(&mut pem)?;
        let own: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let broken = |why| io::Error::new(io::ErrorKind::InvalidData, why);
        let own = own.map_err(|error| broken(error.to_string()))?;
        let mut roots = RootCertStore::empty();
        if roots.add_parsable_certificates(own.iter().cloned()).0 == 0 {
            return Err(broken("there is no certificate in it".to_owned()));
        }
        Ok(Self(Arc::new(Shared { own, of_system: true, ..Shared::default() })))
    }

    /// Reads files of the operating system when it is called for the first time, and so may block.
    pub(crate) fn roots(&self) -> Arc<RootCertStore> {
        Arc::clone(self.0.roots.get_or_init(|| Arc::new(self.0.read())))
    }
}

impl Shared {
    fn read(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(self.own.iter().cloned());
        if self.of_system {
            let found = rustls_native_certs::load_native_certs();
            for error in found.errors {
                tracing::warn!(%error, "some of the system's authorities cannot be read");
            }
            roots.add_parsable_certificates(found.certs);
        }
        roots
    }
}

impl std::fmt::Debug for Authorities {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Authorities({} of its own, system: {})", self.0.own.len(), self.0.of_system)
    }
}

/// The same ones, not others that read the same.
impl PartialEq for Authorities {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Authorities {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_authorities_or_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let refused = |path: &Path| Authorities::with_file(path).unwrap_err().kind();
        assert_eq!(refused(&path), io::ErrorKind::NotFound);
        for text in ["", "what?", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
        {
            std::fs::write(&path, text).unwrap();
            assert_eq!(refused(&path), io::ErrorKind::InvalidData, "{text:?}");
        }
        let made = rcgen::generate_simple_self_signed(vec!["an authority".to_owned()]).unwrap();
        std::fs::write(&path, made.cert.pem()).unwrap();
        let authorities = Authorities::with_file(&path).unwrap();
        assert_eq!(authorities.0.own.len(), 1);
        assert!(Authorities::none().roots().is_empty());
    }
}
