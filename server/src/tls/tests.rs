use super::*;

#[test]
fn the_key_is_made_once_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let tls = folder.path().join("tls");
    let own = Source::Own(tls.clone());
    let read = |may_create| Identity::read(&own, may_create).map(|identity| identity.pin);
    assert!(matches!(read(false), Err(TlsError::Missing { .. })));
    let made = read(true).unwrap();
    assert_eq!(read(false).unwrap(), made);
    assert_eq!(pin(&tls), Some(made));
    fs::write(tls.join("key.pem"), "garbage").unwrap();
    assert!(matches!(read(true), Err(TlsError::Key { .. })));
}
