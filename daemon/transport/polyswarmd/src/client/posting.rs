//! Signed transactions are posted, and waited for.

use daemon_transactions::B256;
use serde_json::json;

use super::Client;
use super::error::{RequestError, RequestFailure, said};
use super::replies::{MinedEvents, PostResult, post_results, receipt_errors};
use super::send::ApiCall;
use crate::lenient::BoundedList;

/// What polyswarmd says of a transaction that was posted.
#[derive(Clone, PartialEq, Debug)]
pub enum Receipt {
    /// It was mined and did what it should: its events, as far as they are told.
    Mined(MinedEvents),
    /// It was mined and failed: it changed nothing, and the same would fail again.
    Failed {
        /// What polyswarmd says, fit to be logged.
        why: String,
    },
    /// It was not mined while the server waited. It may be later.
    NotMined,
    /// Nobody knows yet.
    Unknown {
        /// What polyswarmd says, fit to be logged.
        why: String,
    },
}

/// What became of a transaction that was posted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Posted {
    /// The node has it.
    Taken,
    /// The node had it already, which is as well.
    Known,
    /// The node does not take it as the account's next: nonces have to be read anew.
    Desync {
        /// What polyswarmd says, fit to be logged.
        said: String,
    },
    /// The node does not take it at all.
    Refused {
        /// What polyswarmd says, fit to be logged.
        said: String,
    },
}

impl Client {
    /// Posts one signed transaction, in RLP. May be repeated: the node knows it by its hash.
    ///
    /// # Errors
    /// If the request fails. It may have arrived nevertheless.
    pub async fn post_transaction(&self, raw: &str) -> Result<Posted, RequestError> {
        let body = json!({ "transactions": [raw] }).to_string().into_bytes();
        let result: Result<Option<BoundedList<PostResult>>, _> =
            self.call(ApiCall::post("/transactions".to_owned(), Some(body))).await;
        let results = match result {
            Ok(results) => results.map(|list| list.0).unwrap_or_default(),
            Err(error) => match &error.why {
                RequestFailure::Refused { errors: Some(errors), .. } => match post_results(errors) {
                    Some(results) if !results.is_empty() => results,
                    Some(_) | None => return Err(error),
                },
                _ => return Err(error),
            },
        };
        let Some(result) = results.into_iter().next() else {
            let why = RequestFailure::Form("it says nothing of the transaction".to_owned());
            return Err(RequestError { what: "POST /transactions".to_owned(), host: self.base().host(), why });
        };
        Ok(if result.is_error { refused(&result.message) } else { Posted::Taken })
    }

    /// Waits, as long as the server does, until a transaction is mined.
    ///
    /// # Errors
    /// If the request fails.
    pub async fn receipt(&self, hash: B256) -> Result<Receipt, RequestError> {
        let body = json!({ "transactions": [format!("{hash:x}")] }).to_string().into_bytes();
        let extra_time = self.shared.limits.receipt_wait(self.chain());
        let call = ApiCall { body: Some(body), extra_time, ..ApiCall::get("/transactions".to_owned()) };
        match self.call::<Option<MinedEvents>>(call).await {
            Ok(events) => Ok(Receipt::Mined(events.unwrap_or_default())),
            Err(error) => match &error.why {
                RequestFailure::Refused { errors: Some(errors), .. } => receipt(receipt_errors(errors)).ok_or(error),
                _ => Err(error),
            },
        }
    }
}

/// Why a node refused a transaction, by the words of geth that polyswarmd repeats.
fn refused(message: &str) -> Posted {
    let text = message.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|words| text.contains(words));
    let said = said(message);
    if has(&["known transaction", "already known", "already imported"]) {
        Posted::Known
    } else if has(&["insufficient funds", "intrinsic gas", "gas limit", "oversized data"]) {
        Posted::Refused { said }
    } else if has(&["invalid transaction error", "nonce too low", "nonce too high", "underpriced"]) {
        Posted::Desync { said }
    } else {
        Posted::Refused { said }
    }
}

/// What errors in place of a receipt mean; `None` if they say nothing that is known.
fn receipt(errors: Vec<String>) -> Option<Receipt> {
    let why = said(&errors.join("; "));
    let text = why.to_ascii_lowercase();
    if text.contains("transaction failed") || text.contains("out of gas") {
        Some(Receipt::Failed { why })
    } else if text.contains("timeout during wait for receipt") {
        Some(Receipt::NotMined)
    } else if text.contains("receipt") {
        Some(Receipt::Unknown { why })
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_says_in_many_ways_what_is_wrong() {
        let hash = "0x11";
        for (message, expected) in [
            (
                format!(
                    "Invalid transaction error for tx {hash}: {{'code': -32000, 'message': 'known transaction: 11'}}"
                ),
                "known",
            ),
            ("already known".to_owned(), "known"),
            (
                format!("Invalid transaction error for tx {hash}: {{'code': -32000, 'message': 'nonce too low'}}"),
                "desync",
            ),
            (format!("Invalid transaction error for tx {hash}: replacement transaction underpriced"), "desync"),
            (format!("Invalid transaction error for tx {hash}: insufficient funds for gas * price + value"), "refused"),
            (format!("Invalid transaction sender for tx {hash}: expected 0xa got 0xb"), "refused"),
            ("Invalid transaction: cannot decode".to_owned(), "refused"),
            (String::new(), "refused"),
        ] {
            let name = match refused(&message) {
                Posted::Known => "known",
                Posted::Desync { .. } => "desync",
                Posted::Refused { .. } => "refused",
                Posted::Taken => "taken",
            };
            assert_eq!(name, expected, "{message}");
        }
    }

    #[test]
    fn errors_in_place_of_a_receipt_say_what_became_of_it() {
        let one = |text: &str| receipt(vec![format!("transaction ab: {text}")]);
        assert_eq!(one("timeout during wait for receipt"), Some(Receipt::NotMined));
        assert!(matches!(one("transaction failed at block 7, check parameters"), Some(Receipt::Failed { .. })));
        assert!(matches!(one("out of gas"), Some(Receipt::Failed { .. })));
        assert!(matches!(one("receipt not available"), Some(Receipt::Unknown { .. })));
        assert_eq!(one("something else"), None);
        assert_eq!(receipt(Vec::new()), None);
    }
}
