//! What this computer is called, for the list of devices: people tell their devices apart by it. The one place
//! that asks the operating system for the name.

use liao_common::text::clean_line;
use unicode_segmentation::UnicodeSegmentation;

/// Characters of a computer's name that are shown to others.
const NAME_GRAPHEMES_MAX: usize = 32;

/// What a login of this program is called in the list of devices: `laptop (liao)`; the program alone where the
/// computer has no name of its own.
#[must_use]
pub(crate) fn device_name(program: &str) -> String {
    named(rustix::system::uname().nodename().to_string_lossy().as_ref(), program)
}

/// The first part of a computer's full name is what its people call it.
fn named(full: &str, program: &str) -> String {
    let clean = clean_line(full);
    let own = clean.trim().split('.').next().unwrap_or_default();
    let own: String = own.graphemes(true).take(NAME_GRAPHEMES_MAX).collect();
    match own.as_str() {
        "" | "localhost" | "(none)" => program.to_owned(),
        own => format!("{own} ({program})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_called_by_its_computer() {
        for (full, name) in [
            ("laptop", "laptop (liao)"),
            ("laptop.example.org", "laptop (liao)"),
            ("老王的电脑", "老王的电脑 (liao)"),
            ("", "liao"),
            ("localhost.localdomain", "liao"),
            ("a\u{1b}[31m\nb", "a␛[31m b (liao)"),
        ] {
            assert_eq!(named(full, "liao"), name, "{full:?}");
        }
        assert_eq!(named(&"h".repeat(64), "liao"), format!("{} (liao)", "h".repeat(32)));
    }

    #[test]
    fn this_computer_gives_a_name() {
        assert!(device_name("liao plain").contains("liao plain"));
    }
}
