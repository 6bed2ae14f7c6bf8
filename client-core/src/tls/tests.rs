use rcgen::{CertificateParams, KeyPair};
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio_rustls::TlsAcceptor;

use super::*;

/// A certificate and a key, whether they belong together or not.
#[derive(Debug)]
struct Shown(Arc<CertifiedKey>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

fn certificate(key: &KeyPair) -> CertificateDer<'static> {
    let params = CertificateParams::new(vec!["liao".to_owned()]).unwrap();
    params.self_signed(key).unwrap().der().clone()
}

fn server(certificate: &CertificateDer<'static>, key: &KeyPair, alpn: &[u8]) -> TlsAcceptor {
    let provider = Arc::new(crypto::ring::default_provider());
    let der = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let key = provider.key_provider.load_private_key(der).unwrap();
    let shown = Shown(Arc::new(CertifiedKey::new(vec![certificate.clone()], key)));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(shown));
    config.alpn_protocols = vec![alpn.to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

/// Handshakes with that server; an echo comes back when all is well.
async fn handshake(acceptor: TlsAcceptor, expected: Option<Pin>) -> Result<Pin, ConnectError> {
    let (near, far) = duplex(64 * 1024);
    let serve = tokio::spawn(async move {
        let mut stream = acceptor.accept(far).await?;
        let mut word = [0; 4];
        stream.read_exact(&mut word).await?;
        stream.write_all(&word).await?;
        stream.flush().await
    });
    let done = async {
        let (mut stream, pin): (TlsStream<Overheard<DuplexStream>>, Pin) =
            secure(near, "127.0.0.1", expected).await?;
        stream.write_all(b"echo").await?;
        let mut word = [0; 4];
        stream.read_exact(&mut word).await?;
        assert_eq!(&word, b"echo");
        Ok(pin)
    };
    let done = done.await;
    serve.abort();
    done
}

#[tokio::test]
async fn the_known_key_is_let_in_and_another_is_not() {
    let key = KeyPair::generate().unwrap();
    let cert = certificate(&key);
    let pin = pin_of(&cert).unwrap();
    assert_eq!(handshake(server(&cert, &key, limits::ALPN), Some(pin)).await.unwrap(), pin);
    assert_eq!(handshake(server(&cert, &key, limits::ALPN), None).await.unwrap(), pin);
    let renewed = certificate(&key);
    assert_ne!(renewed, cert);
    let got = handshake(server(&renewed, &key, limits::ALPN), Some(pin)).await;
    assert_eq!(got.unwrap(), pin, "another certificate of the same key");
    let other = Pin([1; 32]);
    match handshake(server(&cert, &key, limits::ALPN), Some(other)).await {
        Err(ConnectError::PinChanged { expected, found }) => {
            assert_eq!((expected, found), (other, pin));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_stolen_certificate_without_its_key_is_refused() {
    let (owner, thief) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let cert = certificate(&owner);
    let pin = pin_of(&cert).unwrap();
    for expected in [Some(pin), None] {
        let done = handshake(server(&cert, &thief, limits::ALPN), expected).await;
        assert!(matches!(done, Err(ConnectError::Tls(_))), "{done:?}");
    }
}

#[tokio::test]
async fn who_speaks_something_else_is_refused() {
    let key = KeyPair::generate().unwrap();
    let cert = certificate(&key);
    let done = handshake(server(&cert, &key, b"h2"), None).await;
    assert!(matches!(done, Err(ConnectError::Tls(_))), "{done:?}");
    let (near, mut far) = duplex(1024);
    far.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    let done = secure(near, "host", None).await.map(|(_, pin)| pin);
    assert!(matches!(done, Err(ConnectError::Tls(_))), "{done:?}");
}

#[tokio::test]
async fn a_server_without_encryption_is_known_by_its_refusal() {
    let (near, mut far) = duplex(4096);
    let fault = liao_common::fault::Fault::from(liao_common::fault::FaultCode::TooLarge);
    let refusal = liao_common::codec::frame(liao_common::event::kind::ERR, 0, &fault);
    far.write_all(&refusal).await.unwrap();
    let done = secure(near, "host", None).await.map(|(_, pin)| pin);
    assert!(matches!(done, Err(ConnectError::Unencrypted)), "{done:?}");
}

#[test]
fn the_pin_is_the_hash_of_the_public_key() {
    let key = KeyPair::generate().unwrap();
    let spki = rcgen::PublicKeyData::subject_public_key_info(&key);
    let suite = crypto::ring::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256;
    let hash = suite.tls13().unwrap().common.hash_provider.hash(&spki);
    assert_eq!(pin_of(&certificate(&key)).unwrap().0, hash.as_ref());
}
