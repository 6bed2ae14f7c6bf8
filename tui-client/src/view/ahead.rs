//! What is typed before there is a place for it: while one waits to be let in, and until the chats are there.

/// Bytes kept; what is typed beyond them is dropped.
const BYTES_MAX: usize = 4096;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Ahead(String);

impl Ahead {
    /// Keeps it.
    pub fn push(&mut self, text: &str) {
        if self.0.len() + text.len() <= BYTES_MAX {
            self.0.push_str(text);
        }
    }

    /// What was kept, which is forgotten here.
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.0)
    }
}
