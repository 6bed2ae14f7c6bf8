//! Names that strangers give to files, made into names that files may have here. Pure. A result is
//! never a path, never hidden, never special on any system, and never empty.

use liao_common::text;

/// Bytes of a name; room is left for a number and an ending.
const BYTES_MAX: usize = 180;

/// Bytes of what counts as an ending.
const ENDING_BYTES_MAX: usize = 16;

/// What a file is called when nothing is left of its name.
const NAMELESS: &str = "file";

/// A harmless name for a file that was called `foreign`.
#[must_use]
pub fn safe_name(foreign: &str) -> String {
    let line = text::clean_line(foreign);
    let last = line.rsplit(['/', '\\']).find(|part| !part.trim().is_empty());
    let mut name: String = last.unwrap_or_default().chars().filter_map(allowed).collect();
    // What one step takes away may bare what another would have taken; each makes it shorter, but for the
    // one character before the name of a device, which comes once.
    loop {
        let tidied = tidy(&name);
        let next = if is_device(&tidied) { format!("_{tidied}") } else { tidied };
        if next == name {
            break;
        }
        name = next;
    }
    if name.is_empty() { NAMELESS.to_owned() } else { name }
}

/// The `n`th name to try when `name` is taken: `a.txt`, `a (2).txt`, `a (3).txt`…
#[must_use]
pub fn numbered(name: &str, n: u32) -> String {
    if n <= 1 {
        return name.to_owned();
    }
    let (stem, ending) = split_ending(name);
    format!("{stem} ({n}){ending}")
}

/// Characters that mean something to a shell or a file system become `_`; what the sanitiser made
/// of control characters goes.
fn allowed(c: char) -> Option<char> {
    match c {
        '<' | '>' | ':' | '"' | '|' | '?' | '*' | '%' | '$' | '`' => Some('_'),
        '\u{2400}'..='\u{2426}' | '\u{fffd}' => None,
        c if c.is_control() => None,
        c if c.is_whitespace() => Some(' '),
        c => Some(c),
    }
}

/// Hidden files begin with a dot; Windows drops dots and spaces at the end by itself.
fn tidy(name: &str) -> String {
    let clean = text::clean_line(name);
    shorten(clean.trim_start_matches(['.', ' ', '~', '-']).trim_end_matches(['.', ' ']))
}

fn shorten(name: &str) -> String {
    if name.len() <= BYTES_MAX {
        return name.to_owned();
    }
    let (stem, ending) = split_ending(name);
    let end = stem.floor_char_boundary(BYTES_MAX - ending.len());
    format!("{}{ending}", stem[..end].trim_end_matches(['.', ' ']))
}

fn split_ending(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(at) if at > 0 && name.len() - at <= ENDING_BYTES_MAX => name.split_at(at),
        _ => (name, ""),
    }
}

/// Names that are devices on Windows, whatever their ending.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let numbered = |prefix: &str| {
        let rest = stem.strip_prefix(prefix)?;
        let mut digits = rest.chars();
        let one = digits.next()?;
        let digit = one.is_ascii_digit() || matches!(one, '¹' | '²' | '³');
        Some(digit && digits.next().is_none())
    };
    matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$")
        || numbered("COM") == Some(true)
        || numbered("LPT") == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASES: &[(&str, &str)] = &[
        ("report.pdf", "report.pdf"),
        ("报告 2026.pdf", "报告 2026.pdf"),
        ("archive.tar.gz", "archive.tar.gz"),
        ("no ending", "no ending"),
        ("", "file"),
        (" ", "file"),
        (".", "file"),
        ("..", "file"),
        ("...", "file"),
        ("/", "file"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\system32\\cmd.exe", "cmd.exe"),
        ("/etc/shadow", "shadow"),
        ("C:\\autoexec.bat", "autoexec.bat"),
        ("C:evil.txt", "C_evil.txt"),
        ("\\\\host\\share\\x", "x"),
        ("a/b/", "b"),
        ("./a", "a"),
        (".bashrc", "bashrc"),
        ("..hidden", "hidden"),
        (".ssh/authorized_keys", "authorized_keys"),
        ("a\0b.txt", "ab.txt"),
        ("a\nb.txt", "a b.txt"),
        ("\u{1b}[2Ja.txt", "[2Ja.txt"),
        ("a\u{202e}txt.exe", "atxt.exe"),
        ("a\u{200b}.txt", "a.txt"),
        ("CON", "_CON"),
        ("con.txt", "_con.txt"),
        ("nul", "_nul"),
        ("Com1.log", "_Com1.log"),
        ("LPT9", "_LPT9"),
        ("com¹", "_com¹"),
        ("aux .txt", "_aux .txt"),
        ("common.txt", "common.txt"),
        ("COM10", "COM10"),
        ("trailing. . .", "trailing"),
        ("a<b>c:d\"e|f?g*h", "a_b_c_d_e_f_g_h"),
        ("-rf", "rf"),
        ("~root", "root"),
        ("$(reboot)`x`", "_(reboot)_x_"),
        ("a%00b", "a_00b"),
        ("tab\there", "tab    here"),
        ("a\u{2028}b", "ab"),
        ("\\\u{fe00}", "file"),
        ("/\u{fe00}.\u{fe00}.x", "x"),
    ];

    #[test]
    fn foreign_names_become_harmless() {
        for (foreign, want) in CASES {
            assert_eq!(safe_name(foreign), *want, "{foreign:?}");
        }
    }

    #[test]
    fn long_names_keep_their_ending() {
        for stem in ["x", "长", "é"] {
            let name = safe_name(&format!("{}.jpeg", stem.repeat(300)));
            assert!(name.len() <= BYTES_MAX && name.ends_with(".jpeg"), "{name}");
        }
        assert!(safe_name(&format!("a.{}", "b".repeat(300))).len() <= BYTES_MAX);
        assert!(numbered(&safe_name(&"x".repeat(999)), u32::MAX).len() < 255);
    }

    #[test]
    fn a_long_name_of_a_device_is_safe_once_and_for_all() {
        // The last one is cut behind a joiner.
        let joined = format!("con.xxx{}.t", "\u{17db}\u{200d}".repeat(50));
        let long =
            [format!("con.{}", "x".repeat(300)), format!("con .{}.t", "é".repeat(99)), joined];
        for foreign in long {
            let name = safe_name(&foreign);
            assert!(name.starts_with('_') && name.len() <= BYTES_MAX, "{name}");
            assert_eq!(safe_name(&name), name);
        }
    }

    #[test]
    fn numbers_stand_before_the_ending() {
        for (name, n, want) in [
            ("a.txt", 1, "a.txt"),
            ("a.txt", 2, "a (2).txt"),
            ("a", 3, "a (3)"),
            ("a.tar.gz", 2, "a.tar (2).gz"),
        ] {
            assert_eq!(numbered(name, n), want);
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_becomes_a_path(foreign in "\\PC*|(\\.|/|\\\\|[a-z]|\0){0,40}") {
            let name = safe_name(&foreign);
            proptest::prop_assert!(!name.is_empty() && name.len() <= BYTES_MAX + 1);
            proptest::prop_assert!(!name.contains(['/', '\\', '\0']) && !name.starts_with('.'));
            proptest::prop_assert_eq!(safe_name(&name), name);
        }
    }
}
