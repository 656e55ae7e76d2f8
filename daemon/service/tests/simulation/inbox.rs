//! The inbox: what a person or a program told the daemon of settlements, kept on the disk until the journal has it.

use daemon_settlement::SettlementLine;

/// Something that was told.
#[derive(Clone)]
pub(crate) struct Letter {
    pub number: usize,
    pub line: SettlementLine,
    pub done: bool,
}

/// All that was told.
#[derive(Default)]
pub(crate) struct Letters(Vec<Letter>);

impl Letters {
    /// Puts a letter there; its place.
    pub(crate) fn put(&mut self, number: usize, line: SettlementLine) -> usize {
        self.0.push(Letter { number, line, done: false });
        self.0.len() - 1
    }

    pub(crate) fn get(&self, place: usize) -> Option<Letter> {
        self.0.get(place).cloned()
    }

    pub(crate) fn done(&mut self, place: usize) {
        if let Some(letter) = self.0.get_mut(place) {
            letter.done = true;
        }
    }

    /// Whether a correction waits.
    pub(crate) fn corrects(&self, number: usize) -> bool {
        self.0.iter().any(|letter| letter.number == number && letter.line.correction.is_some() && !letter.done)
    }

    /// Whether there are letters about a bounty, and all of them were read.
    pub(crate) fn are_read(&self, number: usize) -> bool {
        let mut about = self.0.iter().filter(|letter| letter.number == number).peekable();
        about.peek().is_some() && about.all(|letter| letter.done)
    }

    /// The places of those that are not done.
    pub(crate) fn waiting(&self) -> Vec<usize> {
        let waiting = self.0.iter().enumerate().filter(|(_, letter)| !letter.done);
        waiting.map(|(place, _)| place).collect()
    }
}
