//! The messages as lines: the form that other processes rest on.

use daemon_base::Nct;

use super::*;
use crate::{ArtifactBits, Guid, U256, UnsignedTransaction};

fn assertion() -> SignerRequest {
    let bounty: Guid = "50ef2820-1c96-45af-afd2-93351c57096c".parse().unwrap();
    let to = "0x21262bF29FF08691C8A72bc6f22F791996E1891F".parse().unwrap();
    let wanted = Wanted::Assertion {
        bounty,
        bids: Bids::Each(vec!["0.5".parse().unwrap()]),
        mask: ArtifactBits::new(vec![true, false]).unwrap(),
        commitment: U256::MAX,
        fee: "0.03125".parse().unwrap(),
    };
    let transaction =
        UnsignedTransaction { nonce: 3, chain_id: 1337, gas: 21000, gas_price: 0, to, value: 0, data: vec![9, 94] };
    let amount = wanted.amount().unwrap();
    SignerRequest {
        id: 1,
        ask: Ask::Transactions(SignTransactions { chain_id: 1337, wanted, amount, transactions: vec![transaction] }),
    }
}

#[test]
fn a_request_is_this_line() {
    let line = to_line(&assertion());
    let expected = concat!(
        r#"{"id":1,"ask":{"transactions":{"chain_id":1337,"wanted":{"assertion":{"#,
        r#""bounty":"50ef2820-1c96-45af-afd2-93351c57096c","bids":{"each":["0.5"]},"mask":[true,false],"#,
        r#""commitment":"115792089237316195423570985008687907853269984665640564039457584007913129639935","#,
        r#""fee":"0.03125"}},"amount":"0.53125","transactions":[{"nonce":3,"chainId":1337,"gas":21000,"gasPrice":0,"#,
        r#""to":"0x21262bF29FF08691C8A72bc6f22F791996E1891F","value":0,"data":"0x095e"}]}}}"#,
        "\n"
    );
    assert_eq!(String::from_utf8_lossy(&line), expected);
    assert_eq!(from_line::<SignerRequest>(&line), Ok(assertion()));
}

#[test]
fn lines_that_are_no_messages_are_refused() {
    let right = String::from_utf8(to_line(&assertion())).unwrap();
    for wrong in [
        String::new(),
        "{}".to_owned(),
        "null".to_owned(),
        r#"{"id":1,"ask":"sign"}"#.to_owned(),
        r#"{"id":1,"ask":{"hash":"0x00"}}"#.to_owned(),
        r#"{"id":-1,"ask":"status"}"#.to_owned(),
        r#"{"id":1,"ask":"status","as":"root"}"#.to_owned(),
        r#"{"id":1,"id":2,"ask":"status"}"#.to_owned(),
        right.replace("\"fee\"", "\"tip\""),
        right.replace("\"0.03125\"", "0.03125"),
        right.replace("\"0.03125\"", "\"-1\""),
        right.replace("21262b", "21262B"),
        right.replace("\"value\":0", "\"value\":-1"),
        right.replace("0x095e", "0x095"),
        right.replace("[true,false]", "[1]"),
        right.replace("639935", "639936"),
        format!("{} {}", right.trim_end(), right),
        right[..right.len() / 2].to_owned(),
    ] {
        assert!(matches!(from_line::<SignerRequest>(wrong.as_bytes()), Err(LineError::Form(_))), "{wrong}");
    }
    assert_eq!(from_line::<SignerRequest>(&vec![b' '; LINE_MAX + 1]), Err(LineError::TooLong(LINE_MAX + 1)));
    let deep = format!(r#"{{"id":1,"ask":{{"fast_assertion":{{"metadata":{}"#, "[".repeat(LINE_MAX - 100));
    assert!(matches!(from_line::<SignerRequest>(deep.as_bytes()), Err(LineError::Form(_))));
}

#[test]
fn the_largest_requests_fit_into_a_line() {
    let most = Nct::from_base_units(u128::MAX);
    let mut request = assertion();
    let Ask::Transactions(sign) = &mut request.ask else { unreachable!() };
    sign.wanted = Wanted::Assertion {
        bounty: Guid::from_number(u128::MAX),
        bids: Bids::Each(vec![most; 256]),
        mask: ArtifactBits::new(vec![false; 256]).unwrap(),
        commitment: U256::MAX,
        fee: most,
    };
    sign.transactions[0].data = vec![255; 4 + 32 * (5 + 256)];
    sign.transactions.push(sign.transactions[0].clone());
    assert!(to_line(&request).len() < LINE_MAX / 2);
}

#[test]
fn a_code_of_a_later_version_is_read() {
    let refusal: Refusal = serde_json::from_str(r#"{"code":"over_moon","reason":"too high"}"#).unwrap();
    assert_eq!(refusal.code, RefusalCode::Other);
}

#[test]
fn a_sum_that_does_not_fit_is_no_amount() {
    let most = Nct::from_base_units(u128::MAX);
    let wanted = |bids, fee| Wanted::Assertion {
        bounty: Guid::from_number(1),
        bids,
        mask: ArtifactBits::default(),
        commitment: U256::ZERO,
        fee,
    };
    assert_eq!(wanted(Bids::Each(vec![most, most]), Nct::ZERO).amount(), None);
    assert_eq!(wanted(Bids::Single(most), Nct::from_base_units(1)).amount(), None);
    assert_eq!(wanted(Bids::Single(most), Nct::ZERO).amount(), Some(most));
}

#[test]
fn metadata_crosses_the_socket_in_its_order_and_to_the_digit() {
    let metadata = r#"{"malware_family":"žlutý","b":1.10,"a":[18446744073709551616,null]}"#;
    let line = format!(
        r#"{{"id":1,"ask":{{"fast_assertion":{{"bounty":"50ef2820-1c96-45af-afd2-93351c57096c","verdict":true,"bid":"0.5","metadata":{metadata}}}}}}}"#
    );
    let request: SignerRequest = from_line(line.as_bytes()).unwrap();
    assert_eq!(to_line(&request), format!("{line}\n").as_bytes());
}
