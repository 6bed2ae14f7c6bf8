//! What was typed and is not known to be done, in the order in which it was typed: told when the program ends before
//! it is. Pure. Holds what the outbox and the transfers hold, and one line more.

use liao_client_core::transfer::TransferId;
use liao_common::id::Nonce;

/// Where something typed is by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// It is being carried out; one line at a time is.
    Hand,
    /// In the outbox.
    Post(Nonce),
    /// A file on its way.
    Transfer(TransferId),
}

/// Something typed that is not known to be done.
#[derive(Debug)]
pub(super) struct Open {
    place: Place,
    /// For which room, where it is for one: `#name`, or a user id.
    pub room: Option<String>,
    /// What it says, or what the file is called; the whole line where it is a command.
    pub words: String,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Unsent(Vec<Open>);

impl Unsent {
    /// A line begins to be carried out.
    pub(super) fn take(&mut self, room: Option<String>, words: String) {
        self.let_go();
        self.0.push(Open { place: Place::Hand, room, words });
    }

    /// What is being carried out is done, or was told to have failed.
    pub(super) fn let_go(&mut self) {
        self.0.retain(|open| open.place != Place::Hand);
    }

    /// What is being carried out stands in the outbox. Both the outbox and who put it there say so, in any order.
    pub(super) fn posts(&mut self, nonce: Nonce) {
        let known = self.0.iter().any(|open| open.place == Place::Post(nonce));
        if let Some(hand) = self.hand().filter(|_| !known) {
            hand.place = Place::Post(nonce);
        }
    }

    /// What is being carried out moves a file of this name.
    pub(super) fn moves(&mut self, id: TransferId, name: String) {
        if let Some(hand) = self.hand() {
            (hand.place, hand.words) = (Place::Transfer(id), name);
        }
    }

    /// The offer of a file that is there stands in the outbox.
    pub(super) fn offers(&mut self, nonce: Nonce, room: String, name: String) {
        self.0.push(Open { place: Place::Post(nonce), room: Some(room), words: name });
    }

    /// A post is on the server's disk, or was told to have failed.
    pub(super) fn settle(&mut self, nonce: Nonce) {
        self.0.retain(|open| open.place != Place::Post(nonce));
    }

    /// A file moves no more.
    pub(super) fn stops(&mut self, id: TransferId) {
        self.0.retain(|open| open.place != Place::Transfer(id));
    }

    /// All of it, the oldest first; it is told once.
    pub(super) fn drain(&mut self) -> Vec<Open> {
        std::mem::take(&mut self.0)
    }

    fn hand(&mut self) -> Option<&mut Open> {
        self.0.iter_mut().find(|open| open.place == Place::Hand)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nonce(byte: u8) -> Nonce {
        Nonce([byte; 16])
    }

    fn takes(unsent: &mut Unsent, words: &str) {
        unsent.take(Some("#lobby".to_owned()), words.to_owned());
    }

    fn told(mut unsent: Unsent) -> Vec<String> {
        unsent.drain().into_iter().map(|open| open.words).collect()
    }

    #[test]
    fn what_was_typed_first_is_told_first_wherever_it_is() {
        let mut unsent = Unsent::default();
        // Nonces are as they come.
        for (words, byte) in [("one", 9), ("two", 1), ("three", 5)] {
            takes(&mut unsent, words);
            unsent.posts(nonce(byte));
        }
        takes(&mut unsent, "/file #lobby a.bin");
        unsent.moves(TransferId(1), "a.bin".to_owned());
        takes(&mut unsent, "four");
        unsent.settle(nonce(1));
        assert_eq!(told(unsent), ["one", "three", "a.bin", "four"]);
    }

    #[test]
    fn whoever_says_first_that_a_line_is_in_the_outbox_it_is_told_once() {
        let mut unsent = Unsent::default();
        takes(&mut unsent, "one");
        unsent.posts(nonce(1));
        takes(&mut unsent, "/kick bob");
        // The outbox says it late.
        unsent.posts(nonce(1));
        unsent.settle(nonce(1));
        assert_eq!(told(unsent), ["/kick bob"]);

        let mut unsent = Unsent::default();
        takes(&mut unsent, "one");
        unsent.posts(nonce(1));
        unsent.settle(nonce(1));
        // Who put it there says it when it has arrived already.
        unsent.posts(nonce(1));
        assert_eq!(told(unsent), [""; 0]);
    }

    #[test]
    fn a_file_that_is_there_is_open_until_its_offer_is() {
        let mut unsent = Unsent::default();
        takes(&mut unsent, "/file #lobby a.bin");
        unsent.moves(TransferId(1), "a.bin".to_owned());
        unsent.offers(nonce(1), "#lobby".to_owned(), "a.bin".to_owned());
        unsent.stops(TransferId(1));
        assert_eq!(unsent.0.len(), 1);
        unsent.settle(nonce(1));
        assert_eq!(told(unsent), [""; 0]);
    }
}
