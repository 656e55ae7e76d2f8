//! `stakeout wallet` and `stakeout claim`: they execute `stakeout-signer`, whose arguments are theirs.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{self, stakeout, stderr, stdout};

const VECTOR: &str = include_str!("../../daemon/staking/wallet/testdata/eip191-keystore.json");

/// The program `stakeout`, and beside it the signer.
fn wallet() -> Command {
    program::signer();
    stakeout()
}

/// A directory with a keystore of others, cheap to open, and its passphrase.
struct WalletDirectory {
    directory: TempDir,
    vector: Value,
}

impl WalletDirectory {
    fn new() -> WalletDirectory {
        let directory = TempDir::new().unwrap();
        let vector: Value = serde_json::from_str(VECTOR).unwrap();
        let case = &vector["keystores"][5];
        std::fs::write(directory.path().join("theirs.json"), case["keyfile"].to_string()).unwrap();
        std::fs::write(directory.path().join("passphrase"), format!("{}\n", case["password"].as_str().unwrap()))
            .unwrap();
        WalletDirectory { directory, vector }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn run(&self, words: &str) -> Output {
        let words =
            words.split_whitespace().map(|word| word.strip_prefix('@').map_or(word.into(), |name| self.file(name)));
        wallet().args(words).stdin(Stdio::null()).output().unwrap()
    }

    fn printed(&self, words: &str) -> String {
        let output = self.run(words);
        assert!(output.status.success(), "{words}: {}", stderr(&output));
        stdout(&output).trim_end().to_owned()
    }

    fn refused(&self, words: &str) -> String {
        let output = self.run(words);
        assert_eq!(output.status.code(), Some(2), "{words}: {}", stdout(&output));
        stderr(&output).to_owned()
    }
}

#[test]
fn both_programs_have_the_same_arguments() {
    let help = |mut program: Command, words: &[&str]| {
        let output = program.args(words).arg("--help").output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", stderr(&output));
        stdout(&output).replace("stakeout-signer claim", "stakeout claim").replace("stakeout-signer", "stakeout wallet")
    };
    let signer = || Command::new(program::signer());
    for command in ["new", "import", "address", "change-password", "sign"] {
        assert_eq!(help(wallet(), &["wallet", command]), help(signer(), &[command]));
    }
    assert_eq!(help(wallet(), &["claim"]), help(signer(), &["claim"]));
}

#[test]
fn a_keystore_of_others_is_imported_and_signs_as_before() {
    let place = WalletDirectory::new();
    std::fs::write(place.file("new"), "another one").unwrap();
    let address = place.vector["address"].as_str().unwrap();
    assert_eq!(place.printed("wallet address --keyfile @theirs.json"), address);
    assert_eq!(place.printed("wallet address --keyfile @theirs.json --verify --passphrase-file @passphrase"), address);
    let import = "wallet import --keyfile @ours.json --passphrase-file @new --from @theirs.json --from-passphrase-file @passphrase";
    assert_eq!(place.printed(import), address);
    assert!(place.refused(import).contains("exists already"));
    for case in place.vector["eip191"].as_array().unwrap() {
        let message = case["message"].as_str().unwrap();
        if message.contains('\0') {
            continue;
        }
        // No arguments with blanks in `run`; and one message from standard input, for it is slow to open ours.
        let output = wallet()
            .args(["wallet", "sign", "--message", message, "--keyfile"])
            .args([place.file("theirs.json"), "--passphrase-file".into(), place.file("passphrase")])
            .output()
            .unwrap();
        assert_eq!(stdout(&output).trim_end(), case["signature"], "{case}: {}", stderr(&output));
    }
    let mut claim = wallet()
        .args(["claim", "--json", "--keyfile"])
        .args([place.file("ours.json"), "--passphrase-file".into(), place.file("new")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let case = &place.vector["eip191"][9];
    writeln!(claim.stdin.take().unwrap(), "{}", case["message"].as_str().unwrap()).unwrap();
    let claimed: Value = serde_json::from_slice(&claim.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!([&claimed["address"], &claimed["signature"]], [address, case["signature"].as_str().unwrap()]);
}

#[test]
fn a_key_changes_its_passphrase_and_nothing_else() {
    let place = WalletDirectory::new();
    std::fs::write(place.file("new"), "another one").unwrap();
    place.printed(
        "wallet change-password --keyfile @theirs.json --passphrase-file @passphrase --new-passphrase-file @new",
    );
    let address = place.vector["address"].as_str().unwrap();
    assert_eq!(place.printed("wallet address --verify --keyfile @theirs.json --passphrase-file @new"), address);
    let refused = place.refused("wallet address --verify --keyfile @theirs.json --passphrase-file @passphrase");
    assert!(refused.contains("the passphrase is wrong, or the keystore is damaged"), "{refused}");
}

#[test]
fn a_new_key_is_the_owners_and_another_each_time() {
    use std::os::unix::fs::PermissionsExt;
    let place = WalletDirectory::new();
    let first = place.printed("wallet new --keyfile @first.json --passphrase-file @passphrase");
    let second = place.printed("wallet new --keyfile @second.json --passphrase-file @passphrase");
    assert!(first.starts_with("0x") && first.len() == 42 && first != second, "{first} {second}");
    assert_eq!(place.file("first.json").metadata().unwrap().permissions().mode() & 0o7777, 0o600);
    std::fs::write(place.file("hex"), format!("0x{}\n", place.vector["private_key"].as_str().unwrap())).unwrap();
    let imported =
        place.printed("wallet import --keyfile @third.json --passphrase-file @passphrase --private-key-file @hex");
    assert_eq!(imported, place.vector["address"].as_str().unwrap());
}

#[test]
fn mistakes_are_told_before_anything_is_written() {
    let place = WalletDirectory::new();
    for (name, content) in [("empty", ""), ("zero", &"0".repeat(64)), ("short", "12"), ("none.json", "{}")] {
        std::fs::write(place.file(name), content).unwrap();
    }
    for (words, why) in [
        ("wallet new --keyfile @new.json --passphrase-file @empty", "the new passphrase is empty"),
        ("wallet new --keyfile @new.json --passphrase-file @gone", "cannot read the passphrase"),
        ("wallet new --keyfile @theirs.json --passphrase-file @passphrase", "never overwritten"),
        ("wallet new --keyfile @no/new.json --passphrase-file @passphrase", "cannot create a file beside"),
        (
            "wallet import --keyfile @new.json --passphrase-file @passphrase --private-key-file @short",
            "64 hexadecimal digits",
        ),
        (
            "wallet import --keyfile @new.json --passphrase-file @passphrase --private-key-file @zero",
            "no private key of secp256k1",
        ),
        ("wallet address --keyfile @none.json", "no keystore of version 3"),
        ("wallet address --keyfile @gone.json", "cannot open the keystore"),
        ("wallet sign --keyfile @theirs.json --message x --passphrase-file @empty", "the passphrase is wrong"),
        ("claim --keyfile @theirs.json --passphrase-file @passphrase", "the message is empty"),
        ("wallet import --keyfile @new.json", "--from <FILE>"),
        ("wallet sign --keyfile @theirs.json --passphrase secret --message x", "unexpected argument"),
    ] {
        let refused = place.refused(words);
        assert!(refused.contains(why), "{words}: {refused}");
    }
    assert!(!place.file("new.json").exists());
}

#[test]
fn nobody_is_asked_where_there_is_no_terminal() {
    let place = WalletDirectory::new();
    // setsid: without a controlling terminal there is no /dev/tty.
    let mut command = Command::new("setsid");
    command.arg("--wait").arg(program::path()).args(["wallet", "sign", "--message", "x", "--keyfile"]);
    program::signer();
    let output = command.arg(place.file("theirs.json")).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("use --passphrase-file"), "{}", stderr(&output));
}

#[test]
fn a_credential_of_the_unit_is_the_passphrase() {
    let place = WalletDirectory::new();
    let output = wallet()
        .args(["wallet", "address", "--verify", "--keyfile"])
        .arg(place.file("theirs.json"))
        .env("CREDENTIALS_DIRECTORY", place.directory.path())
        .output()
        .unwrap();
    assert_eq!(stdout(&output).trim_end(), place.vector["address"], "{}", stderr(&output));
}

#[test]
fn without_the_signer_it_is_said_what_to_install() {
    let directory = TempDir::new().unwrap();
    let alone = directory.path().join("stakeout");
    std::fs::copy(program::path(), &alone).unwrap();
    let output = Command::new(&alone).args(["wallet", "address", "--keyfile", "x"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("install stakeout-signer beside stakeout"), "{}", stderr(&output));
    let other = Path::new("/bin/false");
    std::os::unix::fs::symlink(other, directory.path().join("stakeout-signer")).unwrap();
    let output = Command::new(&alone).args(["wallet", "address", "--keyfile", "x"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "it becomes what is there");
}
