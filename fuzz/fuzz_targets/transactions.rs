//! What others sign and tell: no bytes make a reader of transactions, calls, events, fast transactions or lines of the
//! signer panic, and what is read is written as it came.

#![no_main]

use daemon_transactions::fast::FastTransaction;
use daemon_transactions::signing::{Answer, SignerRequest, from_line, to_line};
use daemon_transactions::{B256, Call, ContractEvent, SignedLegacyTransaction};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(signed) = SignedLegacyTransaction::decode(bytes) {
        assert_eq!(signed.encode(), bytes);
        let _ = signed.sender();
        let _ = Call::decode(&signed.transaction().data);
    }
    if let Ok(call) = Call::decode(bytes) {
        // A word of zeros may stand behind an empty text.
        let encoded = call.encode();
        assert!(bytes == encoded || bytes == [&encoded[..], &[0; 32]].concat());
    }
    if let Some((topic, data)) = bytes.split_first_chunk::<32>() {
        let _ = ContractEvent::decode(&[B256::from(*topic)], data);
    }
    if let Ok(text) = str::from_utf8(bytes)
        && let Ok(transaction) = FastTransaction::parse(text)
    {
        assert_eq!(transaction.text(), text);
        let _ = transaction.message();
    }
    if let Ok(request) = from_line::<SignerRequest>(bytes) {
        assert_eq!(from_line(&to_line(&request)), Ok(request));
    }
    if let Ok(answer) = from_line::<Answer>(bytes) {
        assert_eq!(from_line(&to_line(&answer)), Ok(answer));
    }
});
