//! Before the first word: what is typed wrong, whom to believe, who may log in.

use std::{fs, io::Write as _, net::TcpListener, process::Command, thread};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};

use liao_client_core::{
    address::Address,
    home::{Home, KnownServer},
};
use liao_server::{
    admin::{account::AddAccount, client},
    config::Transport,
    tls::CertificateFiles,
};

use crate::support::{PASSWORD, Person, Town, program};

fn ends(command: &mut Command) -> (i32, String) {
    Person::start("somebody", command).ends_with_words()
}

#[test]
fn a_wrong_command_line_is_code_2() {
    let town = Town::new();
    let pin = town.pin().to_string();
    assert_eq!(ends(program().arg("plain")).0, 2);
    for wrong in [
        &["--pin", "abc"][..],
        &["--pin", &pin, "--insecure-plaintext"],
        &["--name", "Ann"],
        &["--room", "no room"],
        &["--timeout", "0"],
        &["--nonsense"],
    ] {
        let (code, words) = ends(town.command("ann").args(wrong));
        assert_eq!(code, 2, "{wrong:?}: {words}");
        assert!(words.contains("error"), "{wrong:?}: {words}");
    }
    let (code, words) = ends(town.command("a b").args(["--pin", &pin]));
    assert_eq!(code, 2, "{words}");

    for empty in ["", "\n", "\nsecond\n"] {
        fs::write(town.path("password"), empty).unwrap();
        let (code, words) = ends(town.command("ann").args(["--pin", &pin]));
        assert_eq!(code, 2, "{words}");
        assert!(words.contains("The password file"), "{words}");
    }
    fs::remove_file(town.path("password")).unwrap();
    let (code, words) = ends(town.command("ann").args(["--pin", &pin]));
    assert_eq!(code, 2, "{words}");
    assert!(!words.contains(PASSWORD));
}

#[test]
fn an_unknown_key_is_shown_and_not_believed() {
    let town = Town::new();
    let pin = town.pin();
    let (code, words) = ends(town.command("ann").arg("--register"));
    assert_eq!(code, 3, "{words}");
    assert!(words.contains(&format!("--pin {pin}")), "{words}");
    assert!(words.contains(&pin.words()), "{words}");

    // What was given by option counts once.
    assert_eq!(town.enters("ann").ends().0, 0);
    assert_eq!(ends(&mut town.command("ann")).0, 3, "not remembered");

    let home = Home::open(town.path("home-ann")).unwrap();
    let address = Address::parse(&town.addr().to_string()).unwrap();
    let known = |pin| KnownServer {
        address: address.clone(),
        pin,
        since_ms: 1,
        name: String::new(),
        vouched: false,
        next: None,
    };
    home.remember_server(known(pin)).unwrap();
    assert_eq!(ends(&mut town.command("ann")).0, 0, "a known server is believed");

    let mut other = pin;
    other.0[0] ^= 1;
    home.remember_server(known(other)).unwrap();
    let (code, words) = ends(&mut town.command("ann"));
    assert_eq!(code, 3, "{words}");
    assert!(words.contains("is not the one expected"), "{words}");
    assert!(words.contains(&pin.to_string()) && words.contains(&other.to_string()), "{words}");

    let good = pin.to_string();
    assert_eq!(ends(town.command("ann").args(["--pin", &good])).0, 0, "the option counts first");
    let (code, words) = ends(town.command("ann").args(["--pin", &other.to_string()]));
    assert_eq!((code, words.contains("is not the one expected")), (3, true), "{words}");
    assert_eq!(home.server(&address).unwrap().unwrap().pin, other, "nothing was written");
}

/// Ann's command, with this in place of the server's address.
fn at(town: &Town, server: &str) -> Command {
    let mut command = program();
    command.env("LIAO_HOME", town.path("home-ann"));
    let address = town.addr().to_string();
    for arg in town.command("ann").get_args() {
        command.arg(if arg.to_str() == Some(&address) { server.as_ref() } else { arg });
    }
    command
}

#[test]
fn a_link_brings_the_key() {
    let town = Town::new();
    let link = format!("liao://{}/?pin={}", town.addr(), town.pin());
    let mut command_with_link = at(&town, &link);
    let (code, words) = ends(command_with_link.arg("--register"));
    assert_eq!(code, 0, "{words}");
    assert_eq!(ends(&mut town.command("ann")).0, 3);

    // A link with another key than the server's, where none is known.
    let forged = format!("liao://{}/?pin={}", town.addr(), "5a".repeat(32));
    let (code, words) = ends(&mut at(&town, &forged));
    assert_eq!(code, 3, "{words}");
    assert!(words.contains("The link names another key than the one that"), "{words}");
    assert!(words.contains(&town.pin().to_string()) && words.contains(&"5a".repeat(32)), "{words}");

    // A link with another key than the known one stops, whoever is at the other end.
    let home = Home::open(town.path("home-ann")).unwrap();
    let address = Address::parse(&town.addr().to_string()).unwrap();
    let mut other = town.pin();
    other.0[0] ^= 1;
    home.remember_server(KnownServer {
        address,
        pin: other,
        since_ms: 1,
        name: String::new(),
        vouched: false,
        next: None,
    })
    .unwrap();
    let (code, words) = ends(&mut command_with_link);
    assert_eq!(code, 3, "{words}");
    assert!(words.contains("than the one known on this computer"), "{words}");
    assert!(words.contains(&other.to_string()), "{words}");
}

/// Files of an authority that vouches for a server on this computer, until the end of a year.
fn certificate(town: &Town, until: i32) -> CertificateFiles {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    fs::write(town.path("ca.pem"), authority.pem()).unwrap();
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    params.not_before = date_time_ymd(2001, 1, 1);
    params.not_after = date_time_ymd(until, 12, 31);
    let key = KeyPair::generate().unwrap();
    let files =
        CertificateFiles { chain: town.path("chain.pem"), key: town.path("certificate-key.pem") };
    fs::write(&files.chain, params.signed_by(&key, &authority).unwrap().pem()).unwrap();
    fs::write(&files.key, key.serialize_pem()).unwrap();
    files
}

#[test]
fn tls_with_a_certificate_needs_no_question_and_its_loss_stops() {
    let mut town = Town::new();
    assert_eq!(town.enters("ann").ends().0, 0);
    let files = certificate(&town, 2199);
    town.changes(|config| config.certificate = Some(files));
    let file = town.path("ca.pem");
    let believes = |town: &Town| {
        let mut command = town.command("ann");
        command.env("LIAO_CA_FILE", &file);
        command
    };
    assert_eq!(ends(&mut town.command("ann")).0, 3, "not an authority that people know");
    let (code, words) = ends(&mut believes(&town));
    assert_eq!(code, 0, "{words}");
    let (code, words) = ends(town.command("ann").arg("--ca-file").arg(&file));
    assert_eq!(code, 0, "{words}");

    // From here on it is known for that.
    let home = Home::open(town.path("home-ann")).unwrap();
    let address = Address::parse(&town.addr().to_string()).unwrap();
    let (pin, name) = (town.pin(), String::new());
    let known = KnownServer { address, pin, since_ms: 1, name, vouched: true, next: None };
    home.remember_server(known).unwrap();
    let renewed = certificate(&town, 2199);
    town.changes(|config| config.certificate = Some(renewed));
    assert_ne!(town.pin(), pin);
    assert_eq!(ends(&mut believes(&town)).0, 0, "a renewed key is silent");

    let over = certificate(&town, 2002);
    town.changes(|config| config.certificate = Some(over));
    let (code, words) = ends(&mut believes(&town));
    assert_eq!(
        (code, words.contains("or the clock of this computer is wrong")),
        (3, true),
        "{words}"
    );
    let (code, words) = ends(believes(&town).env("LC_ALL", "zh_CN.UTF-8"));
    assert_eq!((code, words.contains("本机的时钟不对")), (3, true), "{words}");

    town.changes(|config| config.certificate = None);
    let (code, words) = ends(&mut believes(&town));
    assert_eq!((code, words.contains("An authority vouched for")), (3, true), "{words}");
    assert!(words.contains(&town.pin().to_string()), "{words}");
}

#[test]
fn tls_authorities_that_cannot_be_read_are_said() {
    let town = Town::new();
    let missing = town.path("nobody.pem");
    let (code, words) = ends(town.command("ann").arg("--ca-file").arg(&missing));
    assert_eq!((code, words.contains("nobody.pem cannot be read")), (2, true), "{words}");
    fs::write(&missing, "what?").unwrap();
    let (code, words) = ends(town.command("ann").env("LIAO_CA_FILE", &missing));
    assert_eq!((code, words.contains("nobody.pem cannot be read")), (2, true), "{words}");
}

#[test]
fn a_server_that_is_not_there_is_code_3() {
    let mut town = Town::new();
    let pin = town.pin().to_string();
    town.stop();
    let (code, words) = ends(town.command("ann").args(["--pin", &pin]));
    assert_eq!(code, 3, "{words}");
    assert!(words.contains("Nothing answers at"), "{words}");
    assert_eq!(ends(&mut town.command("ann")).0, 3, "nor without a key");

    // Something else answers there.
    let stranger = TcpListener::bind(town.addr()).unwrap();
    thread::spawn(move || {
        for call in stranger.incoming() {
            call.and_then(|mut call| call.write_all(b"220 mail.example.org\r\n")).unwrap();
        }
    });
    let (code, words) = ends(town.command("ann").args(["--pin", &pin]));
    assert_eq!(code, 3, "{words}");
    assert!(words.contains("not with a safe connection"), "{words}");
}

#[test]
fn plain_text_is_for_this_computer() {
    let town = Town::with(Transport::Plaintext);
    let mut ann = town.enters("ann");
    ann.says("clear");
    ann.hears("sent", |_| true);
    assert_eq!(ann.ends().0, 0);
    let mut command = program();
    command
        .args(["plain", "--insecure-plaintext", "--user", "ann", "--server", "192.0.2.1:8888"])
        .arg("--password-file")
        .arg(town.path("password"))
        .env("LIAO_HOME", town.path("home-ann"));
    let (code, words) = ends(&mut command);
    assert_eq!(code, 3, "{words}");
    assert!(words.contains("only this computer can be reached"), "{words}");
}

#[test]
fn a_refused_login_is_code_4_and_says_why() {
    let town = Town::new();
    assert_eq!(town.enters("ann").ends().0, 0);
    fs::write(town.path("password"), "another long password").unwrap();
    let (code, wrong) = town.logs_in("ann", &[]).ends_with_words();
    assert_eq!(code, 4, "{wrong}");
    let (code, unknown) = town.logs_in("nobody", &[]).ends_with_words();
    assert_eq!(code, 4, "{unknown}");
    assert_eq!(wrong, unknown, "nobody learns who is there");
    let (code, words) = town.logs_in("ann", &["--register"]).ends_with_words();
    assert_eq!((code, words.contains("taken")), (4, true), "{words}");
    fs::write(town.path("password"), "short").unwrap();
    let (code, words) = town.logs_in("carl", &["--register"]).ends_with_words();
    assert_eq!((code, words.contains("too easy")), (4, true), "{words}");
    let (code, rest) = town.logs_in("ann", &["--json"]).ends();
    assert_eq!(code, 4);
    assert!(rest[0].starts_with(r#"{"kind":"error","text":"Login refused: "#), "{rest:?}");
}

#[test]
fn whom_the_administrator_adds_logs_in() {
    let town = Town::new();
    let secret = liao_common::request::Secret("123456".to_owned());
    let account = AddAccount { id: "100".into(), name: "One Hundred".into(), secret };
    town.runtime().block_on(client::add_account(town.data(), account)).unwrap();
    let watcher = town.enters("ann");
    fs::write(town.path("password"), "123457").unwrap();
    assert_eq!(town.logs_in("100", &[]).ends().0, 4);
    fs::write(town.path("password"), "123456\r\n").unwrap();
    let hundred = town.returns("100");
    watcher.hears("presence", |line| line["name"] == "One Hundred" && line["online"] == true);
    assert_eq!(hundred.ends().0, 0);
    watcher.hears("presence", |line| line["from"] == "100" && line["online"] == false);
}
