//! The matrix of what a server may show, and what becomes of it: real handshakes through memory.

use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::{address::Address, dial::secure_as, trust::Trust};

const HOST: &str = "chat.example.org";

/// A certificate and a key, whether they belong together or not.
#[derive(Debug)]
struct Showcase(Arc<CertifiedKey>);

impl ResolvesServerCert for Showcase {
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
    let shown = Showcase(Arc::new(CertifiedKey::new(vec![certificate.clone()], key)));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(shown));
    config.alpn_protocols = vec![alpn.to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

/// An authority, and who believes it.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    believers: Authorities,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        std::fs::write(&path, issuer.pem()).unwrap();
        Self { issuer, believers: Authorities::with_file(&path).unwrap() }
    }

    /// Vouches for a key under a name, in these years.
    fn vouches(&self, key: &KeyPair, name: &str, years: (i32, i32)) -> CertificateDer<'static> {
        let certificate = params(name, years).signed_by(key, &self.issuer).unwrap();
        certificate.der().clone()
    }

    fn wanted(&self) -> Wanted {
        Wanted::Vouched(self.believers.clone())
    }
}

fn params(name: &str, (from, until): (i32, i32)) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    params
}

/// Years that are over, that are, and that are to come.
const OVER: (i32, i32) = (2001, 2002);
const NOW: (i32, i32) = (2020, 2200);
const TO_COME: (i32, i32) = (2198, 2199);

fn any() -> Wanted {
    Wanted::Any(Authorities::none())
}

/// With that key, or with any.
async fn handshake(acceptor: TlsAcceptor, expected: Option<Pin>) -> Result<Pin, ConnectError> {
    meets(acceptor, expected.map_or_else(any, Wanted::Key)).await.map(|shown| shown.pin)
}

/// Handshakes with that server; an echo comes back when all is well.
async fn meets(acceptor: TlsAcceptor, wanted: Wanted) -> Result<Shown, ConnectError> {
    let (near, far) = duplex(64 * 1024);
    let serve = tokio::spawn(async move {
        let mut stream = acceptor.accept(far).await?;
        let mut word = [0; 4];
        stream.read_exact(&mut word).await?;
        stream.write_all(&word).await?;
        stream.flush().await
    });
    let done = async {
        let (mut stream, shown): (TlsStream<Overheard<DuplexStream>>, Shown) =
            secure(near, HOST, wanted).await?;
        stream.write_all(b"echo").await?;
        let mut word = [0; 4];
        stream.read_exact(&mut word).await?;
        assert_eq!(&word, b"echo");
        Ok(shown)
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
async fn an_announced_key_is_let_in_beside_the_known_one() {
    let keys = [(); 3].map(|()| KeyPair::generate().unwrap());
    let certs = [0, 1, 2].map(|at| certificate(&keys[at]));
    let [known, next, other] = [0, 1, 2].map(|at| pin_of(&certs[at]).unwrap());
    let wanted = Wanted::KeyOrNext(known, next);
    for (at, pin) in [(0, known), (1, next)] {
        let server = server(&certs[at], &keys[at], limits::ALPN);
        assert_eq!(meets(server, wanted.clone()).await.unwrap().pin, pin);
    }
    let done = meets(server(&certs[2], &keys[2], limits::ALPN), wanted.clone()).await;
    let Err(ConnectError::PinChanged { expected, found }) = done else { panic!("{done:?}") };
    assert_eq!((expected, found), (known, other));
    let stolen = meets(server(&certs[1], &keys[0], limits::ALPN), wanted).await;
    assert!(matches!(stolen, Err(ConnectError::Tls(_))), "{stolen:?}");
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
    let done = secure(near, HOST, any()).await.map(|(_, shown)| shown);
    assert!(matches!(done, Err(ConnectError::Tls(_))), "{done:?}");
}

#[tokio::test]
async fn a_server_without_encryption_is_known_by_its_refusal() {
    let (near, mut far) = duplex(4096);
    let fault = liao_common::fault::Fault::from(liao_common::fault::FaultCode::TooLarge);
    let refusal = liao_common::codec::frame(liao_common::event::kind::ERR, 0, &fault);
    far.write_all(&refusal).await.unwrap();
    let done = secure(near, HOST, any()).await.map(|(_, shown)| shown);
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

#[tokio::test]
async fn an_authority_vouches_for_whichever_key() {
    let authority = Authority::new();
    for _ in 0..2 {
        let key = KeyPair::generate().unwrap();
        let cert = authority.vouches(&key, HOST, NOW);
        let pin = pin_of(&cert).unwrap();
        let server = || server(&cert, &key, limits::ALPN);
        let vouched = Shown { pin, vouched: true };
        let asked = Wanted::Any(authority.believers.clone());
        assert_eq!(meets(server(), asked).await.unwrap(), vouched, "nobody has to be asked");
        assert_eq!(meets(server(), authority.wanted()).await.unwrap(), vouched);
        let alone = meets(server(), any()).await.unwrap();
        assert_eq!(alone, Shown { pin, vouched: false }, "whom nobody believes");
        let pinned = meets(server(), Wanted::Key(pin)).await.unwrap();
        assert_eq!(pinned.pin, pin, "a known key needs nobody");
    }
}

#[tokio::test]
async fn a_server_that_lost_its_certificate_is_refused() {
    let (authority, other) = (Authority::new(), Authority::new());
    let key = KeyPair::generate().unwrap();
    let own = |years| params(HOST, years).self_signed(&key).unwrap().der().clone();
    for (what, cert) in [
        ("self-signed", own(NOW)),
        ("self-signed and over: the clock is no excuse", own(OVER)),
        ("self-signed and to come", own(TO_COME)),
        ("vouched for by somebody else", other.vouches(&key, HOST, NOW)),
        ("vouched for by somebody else, over", other.vouches(&key, HOST, OVER)),
        ("for another name", authority.vouches(&key, "other.example.org", NOW)),
        ("for another name, over", authority.vouches(&key, "other.example.org", OVER)),
    ] {
        let found = pin_of(&cert).unwrap();
        match meets(server(&cert, &key, limits::ALPN), authority.wanted()).await {
            Err(ConnectError::Uncertified { found: shown }) => assert_eq!(shown, found, "{what}"),
            done => panic!("{what}: {done:?}"),
        }
        let asked = Wanted::Any(authority.believers.clone());
        let done = meets(server(&cert, &key, limits::ALPN), asked).await;
        assert_eq!(done.unwrap(), Shown { pin: found, vouched: false }, "{what}: a question");
    }
}

#[tokio::test]
async fn a_certificate_out_of_date_is_told_from_a_false_one() {
    let authority = Authority::new();
    let key = KeyPair::generate().unwrap();
    let over = authority.vouches(&key, HOST, OVER);
    let done = meets(server(&over, &key, limits::ALPN), authority.wanted()).await;
    assert!(matches!(done, Err(ConnectError::Expired)), "{done:?}");
    let to_come = authority.vouches(&key, HOST, TO_COME);
    let done = meets(server(&to_come, &key, limits::ALPN), authority.wanted()).await;
    assert!(matches!(done, Err(ConnectError::NotYetValid)), "{done:?}");
}

#[tokio::test]
async fn a_known_key_needs_no_clock_and_no_name() {
    let key = KeyPair::generate().unwrap();
    for (name, years) in [(HOST, OVER), (HOST, TO_COME), ("other.example.org", NOW)] {
        let cert = params(name, years).self_signed(&key).unwrap().der().clone();
        let pin = pin_of(&cert).unwrap();
        let done = handshake(server(&cert, &key, limits::ALPN), Some(pin)).await;
        assert_eq!(done.unwrap(), pin, "{name} {years:?}");
    }
}

#[tokio::test]
async fn a_stolen_certificate_of_an_authority_is_refused_without_its_key() {
    let authority = Authority::new();
    let (owner, thief) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let cert = authority.vouches(&owner, HOST, NOW);
    for wanted in [authority.wanted(), Wanted::Any(authority.believers.clone())] {
        let done = meets(server(&cert, &thief, limits::ALPN), wanted).await;
        assert!(matches!(done, Err(ConnectError::Tls(_))), "{done:?}");
    }
}

/// An answer to the first words of a handshake as a server of TLS 1.2 gives it.
fn old_answer() -> Vec<u8> {
    // No session, ECDHE-ECDSA with AES-128-GCM, no compression, no extensions.
    let body = [&[3, 3][..], &[7; 32], &[0, 0xc0, 0x2b, 0]].concat();
    let length = u8::try_from(body.len()).unwrap();
    [&[22, 3, 3, 0, length + 4, 2, 0, 0, length][..], &body].concat()
}

#[tokio::test]
async fn a_server_of_tls_1_2_is_refused() {
    let (near, mut far) = duplex(4096);
    far.write_all(&old_answer()).await.unwrap();
    let done = secure(near, HOST, any()).await.map(|(_, shown)| shown);
    let Err(ConnectError::Tls(why)) = done else { panic!("{done:?}") };
    assert!(why.contains("ServerTlsVersionIsDisabled"), "{why}");
}

#[tokio::test]
async fn a_server_that_names_no_protocol_is_refused() {
    let key = KeyPair::generate().unwrap();
    let cert = certificate(&key);
    let mut silent = server(&cert, &key, limits::ALPN);
    let mut config = ServerConfig::clone(silent.config());
    config.alpn_protocols.clear();
    silent = TlsAcceptor::from(Arc::new(config));
    let done = handshake(silent, pin_of(&cert).ok()).await;
    assert!(matches!(done, Err(ConnectError::Protocol(_))), "{done:?}");
}

/// What a server says to the first words of a client, as bytes.
async fn first_answer(hello: &[u8]) -> Vec<u8> {
    let key = KeyPair::generate().unwrap();
    let acceptor = server(&certificate(&key), &key, limits::ALPN);
    let (mut near, far) = duplex(64 * 1024);
    let serve = tokio::spawn(async move { acceptor.accept(far).await.map(|_| ()) });
    near.write_all(hello).await.unwrap();
    let mut answer = vec![0; 64 * 1024];
    let length = near.read(&mut answer).await.unwrap();
    serve.abort();
    answer.truncate(length);
    answer
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stalls_in_the_handshake_runs_out_of_time() {
    let address = Address::parse(HOST).unwrap();
    let trust = Trust::Pinned(Pin([1; 32]));
    // How much of its answer is said; the last one says all but one byte.
    for part in [0, 1, 5, 6, 100, usize::MAX] {
        let (near, mut far) = duplex(64 * 1024);
        let stall = tokio::spawn(async move {
            let mut hello = vec![0; 16 * 1024];
            let length = far.read(&mut hello).await.unwrap();
            let answer = first_answer(&hello[..length]).await;
            far.write_all(&answer[..part.min(answer.len() - 1)]).await.unwrap();
            std::future::pending::<()>().await;
        });
        let begun = tokio::time::Instant::now();
        let done = secure_as(Box::new(near), &address, &trust).await.map(|_| ());
        assert!(matches!(done, Err(ConnectError::Timeout)), "{part}: {done:?}");
        let waited = begun.elapsed();
        let limit = Duration::from_millis(crate::dial::SECURE_TIMEOUT_MS);
        assert!(waited >= limit && waited < limit * 2, "{part}: {waited:?}");
        stall.abort();
    }
}

#[tokio::test]
async fn an_end_without_goodbye_is_no_end_of_what_was_said() {
    let key = KeyPair::generate().unwrap();
    let cert = certificate(&key);
    let acceptor = server(&cert, &key, limits::ALPN);
    let (near, far) = duplex(64 * 1024);
    let serve = tokio::spawn(async move {
        let mut stream = acceptor.accept(far).await?;
        stream.write_all(b"half a fra").await?;
        stream.flush().await
        // Dropped here: the connection ends, and nobody said that it would.
    });
    let (mut stream, _) = secure(near, HOST, any()).await.unwrap();
    let mut said = Vec::new();
    let error = stream.read_to_end(&mut said).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
    assert_eq!(said, b"half a fra");
    serve.await.unwrap().unwrap();
}
