//! Questions to `stakeout-signer`, the process with the key, over its unix socket: a line of JSON each way.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use daemon_transactions::signing::{
    Answer, Ask, FastAssertion, FastPayload, LINE_MAX, LineError, Refusal, SignTransactions, SignedTransaction,
    SignerReply, SignerRequest, Status, from_line, to_line,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

/// Longest that an answer is waited for: the signer writes to the disk before it signs.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);

/// Why the signer gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    /// Nobody listens there, or we may not ask.
    #[error("cannot reach the signer at {}: does stakeout-signer run, and may this user use its socket?", path.display())]
    Connect {
        /// The socket.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The connection broke. The signer may have signed: ask the same again.
    #[error("the connection to the signer broke: ask the same again")]
    Broken(#[source] std::io::Error),
    /// There was no answer in time. The signer may have signed: ask the same again.
    #[error("the signer did not answer within {0:?}: is its disk slow?")]
    TooSlow(Duration),
    /// What came is no answer to what was asked.
    #[error("the signer's answer is not understood: do daemon and signer have the same version?")]
    Answer(#[source] LineError),
    /// What came is the answer to something else.
    #[error("the signer answered something else than was asked: do daemon and signer have the same version?")]
    OtherAnswer,
    /// It does not sign that.
    #[error("the signer refused: {}", .0.reason)]
    Refused(Refusal),
}

impl SignerError {
    /// Whether the same question may be answered in a moment.
    pub fn is_passing(&self) -> bool {
        match self {
            SignerError::Connect { .. } | SignerError::Broken(_) | SignerError::TooSlow(_) => true,
            SignerError::Refused(refusal) => {
                matches!(refusal.code, daemon_transactions::signing::RefusalCode::Unavailable)
            }
            SignerError::Answer(_) | SignerError::OtherAnswer => false,
        }
    }

    /// Whether it is certain that nothing was signed.
    pub fn nothing_signed(&self) -> bool {
        matches!(self, SignerError::Connect { .. } | SignerError::Refused(_))
    }
}

/// Asks the signer. A connection for each question: a signer that was restarted is found again at once.
#[derive(Debug)]
pub struct SignerClient {
    socket: PathBuf,
    last_id: AtomicU64,
    answer_time_max: Duration,
}

impl SignerClient {
    /// A client of the signer that listens at this path.
    pub fn new(socket: &Path) -> SignerClient {
        SignerClient { socket: socket.to_owned(), last_id: AtomicU64::new(0), answer_time_max: ANSWER_TIME_MAX }
    }

    /// Waits no longer than this for an answer.
    pub fn with_answer_time_max(self, answer_time_max: Duration) -> SignerClient {
        SignerClient { answer_time_max, ..self }
    }

    /// Who signs, for which chains, and how much may still be signed.
    ///
    /// # Errors
    /// If there is no answer: see [`SignerError`], as for every question here.
    pub async fn status(&self) -> Result<Status, SignerError> {
        match self.ask(Ask::Status).await? {
            SignerReply::Status(status) => Ok(status),
            _ => Err(SignerError::OtherAnswer),
        }
    }

    /// Signatures of transactions.
    ///
    /// # Errors
    /// If there is no answer, or the signer refuses.
    pub async fn sign(&self, asked: SignTransactions) -> Result<Vec<SignedTransaction>, SignerError> {
        let nonces: Vec<u64> = asked.transactions.iter().map(|transaction| transaction.nonce).collect();
        match self.ask(Ask::Transactions(asked)).await? {
            SignerReply::Transactions(signed) if signed.iter().map(|signed| signed.nonce).eq(nonces) => Ok(signed),
            _ => Err(SignerError::OtherAnswer),
        }
    }

    /// The signature of an assertion for fast polyswarmd.
    ///
    /// # Errors
    /// If there is no answer, or the signer refuses.
    pub async fn sign_fast(&self, assertion: FastAssertion) -> Result<FastPayload, SignerError> {
        match self.ask(Ask::FastAssertion(assertion)).await? {
            SignerReply::Fast(payload) => Ok(payload),
            _ => Err(SignerError::OtherAnswer),
        }
    }

    async fn ask(&self, ask: Ask) -> Result<SignerReply, SignerError> {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let line = to_line(&SignerRequest { id, ask });
        let exchange = self.exchange(&line);
        let answered = timeout(self.answer_time_max, exchange).await;
        let line = answered.unwrap_or(Err(SignerError::TooSlow(self.answer_time_max)))?;
        let answer: Answer = from_line(&line).map_err(SignerError::Answer)?;
        match answer.reply {
            // Where the request could not be read there is no id to repeat.
            SignerReply::Refused(refusal) if answer.id == id || answer.id == 0 => Err(SignerError::Refused(refusal)),
            reply if answer.id == id => Ok(reply),
            _ => Err(SignerError::OtherAnswer),
        }
    }

    /// Sends a line, and returns the line that comes back, without its end.
    async fn exchange(&self, line: &[u8]) -> Result<Vec<u8>, SignerError> {
        let connect = |source| SignerError::Connect { path: self.socket.clone(), source };
        let mut stream = UnixStream::connect(&self.socket).await.map_err(connect)?;
        stream.write_all(line).await.map_err(SignerError::Broken)?;
        let mut answer = Vec::new();
        let mut piece = [0; 4096];
        loop {
            let read = stream.read(&mut piece).await.map_err(SignerError::Broken)?;
            if read == 0 {
                return Err(SignerError::Broken(std::io::ErrorKind::UnexpectedEof.into()));
            }
            if let Some(end) = piece[..read].iter().position(|byte| *byte == b'\n') {
                answer.extend_from_slice(&piece[..end]);
                return Ok(answer);
            }
            answer.extend_from_slice(&piece[..read]);
            if answer.len() > LINE_MAX {
                return Err(SignerError::Answer(LineError::TooLong(answer.len())));
            }
        }
    }
}
