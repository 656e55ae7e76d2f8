//! Signatures of ethers are those of eth-account.

use daemon_transactions::{LegacyTransaction, U256, keccak256};
use serde_json::Value;

use crate::key::{PrivateKey, Wallet};

fn wallet(vector: &Value) -> Wallet {
    let mut key = [0; 32];
    base16ct::lower::decode(vector["private_key"].as_str().unwrap(), &mut key).unwrap();
    Wallet::new(&PrivateKey::take(&mut key).unwrap()).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}

#[test]
fn transactions_are_signed_as_by_eth_account() {
    let vector: Value = serde_json::from_str(include_str!("../../../testdata/signed-transactions.json")).unwrap();
    let wallet = wallet(&vector);
    let cases = vector["cases"].as_array().unwrap();
    for case in cases {
        let transaction = &case["tx"];
        let number = |name: &str| transaction[name].to_string().parse::<U256>().unwrap();
        let data = transaction["data"].as_str().unwrap().strip_prefix("0x").unwrap();
        let transaction = LegacyTransaction {
            nonce: number("nonce").to(),
            gas_price: number("gasPrice").to(),
            gas: number("gas").to(),
            to: transaction["to"].as_str().unwrap().parse().unwrap(),
            value: number("value"),
            data: base16ct::lower::decode_vec(data).unwrap(),
            chain_id: number("chainId").to(),
        };
        let raw = wallet.sign_transaction(&transaction);
        assert_eq!(hex(&raw), case["raw_posted_without_0x"], "{case}");
        assert_eq!(hex(keccak256(&raw).as_slice()), case["hash"], "{case}");
    }
    println!("signed-transactions.json: {} transactions", cases.len());
    assert_eq!(cases.len(), 15);
}

#[test]
fn texts_of_fast_polyswarmd_are_signed_as_by_polyswarm_transaction() {
    let vector: Value = serde_json::from_str(include_str!("../../../testdata/fast-transactions.json")).unwrap();
    let wallet = wallet(&vector);
    let cases = vector["cases"].as_array().unwrap();
    for case in cases {
        let signature = wallet.sign_text(case["payload"]["raw_transaction"].as_str().unwrap());
        assert_eq!(format!("0x{}", hex(&signature)), case["payload"]["signature"], "{case}");
    }
    println!("fast-transactions.json: {} texts", cases.len());
    assert!(!cases.is_empty());
}
