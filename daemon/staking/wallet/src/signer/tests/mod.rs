//! The signer as a frontend meets it, on a disk that can be full, fail, or vanish.

mod decisions;
mod disk;
mod properties;
mod records;
mod vectors;

use daemon_base::{Nct, Timestamp};
use daemon_transactions::signing::{
    Answer, Ask, Bids, RefusalCode, SignTransactions, SignedTransaction, SignerReply, SignerRequest, Wanted,
};
use daemon_transactions::verify::wanted_calls;
use daemon_transactions::{Address, ArtifactBits, Call, Guid, U256, UnsignedTransaction, commitment};

use self::disk::Disk;
use super::{Config, Desk, Record, RecordEntry};
use crate::key::{PrivateKey, Wallet};

const CHAIN: u64 = 1337;
const HOME: u64 = 1;
const TOKEN: &str = "0x2A2cEDE7598F91240068714fD83E449b19853Cb9";
const REGISTRY: &str = "0x21262bF29FF08691C8A72bc6f22F791996E1891F";

fn config(more: &str) -> Config {
    let chain = |name: &str, id: u64| {
        format!("[{name}]\nchain_id = {id}\ntoken = \"{TOKEN}\"\nregistry = \"{REGISTRY}\"\nnonce_start = 5\n")
    };
    let text = format!("{more}\n{}gas_price_max = 100\n{}", chain("home", HOME), chain("side", CHAIN));
    Config::parse(&text).unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
}

fn small_limits() -> Config {
    config(
        "[signer]\nfast = true\nclaims = true\n[limits]\nbounty_max = \"2\"\nhour_max = \"3\"\nday_max = \"5\"\ntotal_max = \"9\"\n\
         gas_day_max = \"0.0000000001\"\nnonce_gap_max = 3\nsignatures_day_max = 200\n",
    )
}

fn wallet() -> Wallet {
    let mut key = [7; 32];
    Wallet::new(&PrivateKey::take(&mut key).unwrap()).unwrap()
}

fn address() -> Address {
    Address::from_bytes(wallet().address())
}

fn guid(number: u128) -> Guid {
    Guid::from_number(number)
}

/// Seconds of the signer's clock.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

/// A signer on this disk, as after a start. It does not write down that it begins: the clock is the test's.
fn signer_on(disk: &Disk, config: Config) -> Desk<Disk> {
    let (record, found) = Record::read(disk.open(), "record".as_ref()).unwrap();
    Desk::new(wallet(), config, record, &found.entries)
}

fn entries(disk: &Disk) -> Vec<RecordEntry> {
    Record::read(disk.copy(), "record".as_ref()).unwrap().1.entries
}

fn verdicts() -> ArtifactBits {
    ArtifactBits::new(vec![true]).unwrap()
}

fn assertion(bounty: u128, bid: &str) -> Wanted {
    Wanted::Assertion {
        bounty: guid(bounty),
        bids: Bids::Each(vec![Nct::literal(bid)]),
        mask: verdicts(),
        commitment: commitment(address(), U256::from(bounty + 1), &verdicts()),
        fee: Nct::literal("0.03125"),
    }
}

fn reveal(bounty: u128) -> Wanted {
    Wanted::Reveal {
        bounty: guid(bounty),
        index: 0,
        nonce: U256::from(bounty + 1),
        verdicts: verdicts(),
        metadata: "[]".to_owned(),
    }
}

/// What a polyswarmd that is honest would build.
fn built(wanted: &Wanted, nonce: u64, chain_id: u64) -> SignTransactions {
    let registry: Address = REGISTRY.parse().unwrap();
    let calls = wanted_calls(wanted, registry).unwrap();
    let transactions = calls.iter().zip(0_u64..).map(|(call, place)| UnsignedTransaction {
        nonce: nonce + place,
        chain_id,
        gas: 21_000,
        gas_price: 0,
        to: if matches!(call, Call::Approve { .. }) { TOKEN.parse().unwrap() } else { registry },
        value: 0,
        data: call.encode(),
    });
    let transactions = transactions.collect();
    SignTransactions { chain_id, wanted: wanted.clone(), amount: wanted.amount().unwrap(), transactions }
}

fn ask(desk: &mut Desk<Disk>, ask: Ask, seconds: i64) -> SignerReply {
    let Answer { id, reply } = desk.answer(SignerRequest { id: 9, ask }, at(seconds));
    assert_eq!(id, 9);
    reply
}

fn sign(
    desk: &mut Desk<Disk>,
    wanted: &Wanted,
    nonce: u64,
    seconds: i64,
) -> Result<Vec<SignedTransaction>, RefusalCode> {
    match ask(desk, Ask::Transactions(built(wanted, nonce, CHAIN)), seconds) {
        SignerReply::Transactions(signed) => Ok(signed),
        SignerReply::Refused(refusal) => {
            assert!(!refusal.reason.is_empty());
            Err(refusal.code)
        }
        other => panic!("{other:?}"),
    }
}
