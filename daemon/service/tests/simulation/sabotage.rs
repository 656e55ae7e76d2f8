//! What a broken driver would do: for tests that each invariant can fail.

/// A fault of the driver itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sabotage {
    /// It tells that a bounty is taken before it is written down.
    AcceptsUnwritten,
    /// It sends an answer while that is being written.
    SendsUnwritten,
    /// It tells that a record is written, and does not write it.
    LosesRecords,
    /// It makes an answer anew at each start, with another nonce.
    AnswersAnew,
    /// What could not be downloaded is benign.
    BenignWhereNothingWasSeen,
    /// It does not write down that the chain may have an assertion.
    PledgesNothing,
    /// It counts an outcome, and once more.
    CountsTwice,
    /// It waits with reveals until the window is nearly over.
    RevealsLate,
    /// It does not take up assertions at a start.
    ForgetsAssertions,
}

impl Sabotage {
    pub(crate) const ALL: [Sabotage; 9] = [
        Sabotage::AcceptsUnwritten,
        Sabotage::SendsUnwritten,
        Sabotage::LosesRecords,
        Sabotage::AnswersAnew,
        Sabotage::BenignWhereNothingWasSeen,
        Sabotage::PledgesNothing,
        Sabotage::CountsTwice,
        Sabotage::RevealsLate,
        Sabotage::ForgetsAssertions,
    ];
}
