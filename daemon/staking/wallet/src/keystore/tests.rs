use serde_json::{Value, json};

use super::*;
use crate::key::{PrivateKey, Wallet};
use crate::passphrase::Passphrase;

fn vector() -> Value {
    serde_json::from_str(include_str!("../../testdata/eip191-keystore.json")).unwrap()
}

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(text.as_bytes()).unwrap()
}

fn decrypt(keyfile: &Value, password: &str) -> Result<String, KeystoreError> {
    let key = Keystore::parse(keyfile.to_string().as_bytes())?.decrypt(&passphrase(password))?;
    Ok(base16ct::lower::encode_string(key.as_bytes()))
}

/// A keystore of others that is cheap to open.
fn cheap() -> Value {
    vector()["keystores"][1]["keyfile"].clone()
}

#[test]
fn keystores_of_others_are_opened() {
    let vector = vector();
    let keystores = vector["keystores"].as_array().unwrap();
    let all = keystores.iter().chain([&vector["keystore_default_cost"]]);
    let mut count = 0;
    for case in all {
        let opened = decrypt(&case["keyfile"], case["password"].as_str().unwrap()).unwrap();
        assert_eq!(opened, vector["private_key"], "{case}");
        count += 1;
    }
    for case in vector["negative"].as_array().unwrap() {
        let opened = decrypt(&case["keyfile"], case["password"].as_str().unwrap());
        match case["out"].as_str().unwrap() {
            "ValueError: MAC mismatch" => assert!(matches!(opened, Err(KeystoreError::Mac)), "{case}"),
            key => assert_eq!(opened.unwrap(), key, "{case}"),
        }
        count += 1;
    }
    println!("eip191-keystore.json: {count} keystores");
    assert_eq!(count, 10);
}

#[test]
fn ours_is_opened_again_and_is_of_full_cost() {
    let key = PrivateKey::generate().unwrap();
    let wallet = Wallet::new(&key).unwrap();
    let keystore = Keystore::encrypt(&key, &passphrase("žluť")).unwrap();
    let json: Value = serde_json::from_str(&keystore.to_json()).unwrap();
    assert_eq!(json["version"], 3);
    assert_eq!(json["address"].as_str().unwrap(), base16ct::lower::encode_string(&wallet.address()));
    assert_eq!(json["crypto"]["kdf"], "scrypt");
    let params = &json["crypto"]["kdfparams"];
    assert_eq!([&params["n"], &params["r"], &params["p"], &params["dklen"]], [262_144, 8, 1, 32]);
    assert_eq!(params["salt"].as_str().unwrap().len(), 64);
    assert_eq!(json["id"].as_str().unwrap().as_bytes()[14], b'4', "a random UUID");
    let again = Keystore::parse(keystore.to_json().as_bytes()).unwrap();
    assert_eq!(again, keystore);
    assert_eq!(again.decrypt(&passphrase("žluť")).unwrap().as_bytes(), key.as_bytes());
    assert!(matches!(again.decrypt(&passphrase("zlut")), Err(KeystoreError::Mac)));
}

#[test]
fn two_keystores_of_one_key_share_nothing() {
    let key = PrivateKey::generate().unwrap();
    let made = || {
        let keystore = Keystore::encrypt_at(&key, &passphrase("x"), 2, 1, 1).unwrap();
        serde_json::from_str::<Value>(&keystore.to_json()).unwrap()
    };
    let (one, two) = (made(), made());
    for path in ["/id", "/crypto/kdfparams/salt", "/crypto/cipherparams/iv", "/crypto/ciphertext", "/crypto/mac"] {
        assert_ne!(one.pointer(path), two.pointer(path), "{path}");
    }
}

#[test]
fn what_would_cost_too_much_is_refused_before_it_is_spent() {
    let scrypt = |n: u64, r: u64, p: u64| {
        let mut keyfile = cheap();
        keyfile["crypto"]["kdfparams"]
            .as_object_mut()
            .unwrap()
            .extend(json!({ "n": n, "r": r, "p": p }).as_object().unwrap().clone());
        Keystore::parse(keyfile.to_string().as_bytes())
    };
    assert!(scrypt(1 << 18, 8, 1).is_ok() && scrypt(1 << 18, 1, 8).is_ok() && scrypt(1 << 20, 1, 8).is_ok());
    for (n, r, p) in
        [(1 << 40, 8, 1), (1 << 19, 8, 1 << 20), (1 << 63, u64::MAX, u64::MAX), (2, 1 << 40, 1), (2, 1, 1 << 40)]
    {
        let refused = scrypt(n, r, p).unwrap_err();
        assert!(matches!(refused, KeystoreError::Cost { .. }), "n={n} r={r} p={p}: {refused}");
        assert!(refused.to_string().contains("at most"), "{refused}");
    }
    for (n, r, p) in [(0, 8, 1), (1, 8, 1), (3, 8, 1), (1 << 10, 0, 1), (1 << 10, 8, 0)] {
        let refused = scrypt(n, r, p).unwrap_err();
        assert!(matches!(refused, KeystoreError::Form(_)), "n={n} r={r} p={p}: {refused}");
    }
    let mut keyfile = vector()["keystores"][0]["keyfile"].clone();
    for (c, taken) in [(1, true), (10_000_000, true), (10_000_001, false), (u64::MAX, false), (0, false)] {
        keyfile["crypto"]["kdfparams"]["c"] = json!(c);
        assert_eq!(Keystore::parse(keyfile.to_string().as_bytes()).is_ok(), taken, "{c}");
    }
}

#[test]
fn what_is_no_keystore_is_refused_with_a_reason() {
    let changes: [(&str, Value, &str); 17] = [
        ("/version", json!(1), "version is 1"),
        ("/version", json!("3"), "invalid type"),
        ("/crypto/cipher", json!("aes-256-cbc"), "cipher"),
        ("/crypto/kdf", json!("argon2"), "unknown variant"),
        ("/crypto/kdfparams/n", json!(-1), "invalid value"),
        ("/crypto/kdfparams/n", json!(1024.5), "invalid type"),
        ("/crypto/kdfparams/n", Value::Null, "invalid type"),
        ("/crypto/kdfparams/dklen", json!(16), "dklen"),
        ("/crypto/kdfparams/dklen", json!(u64::MAX), "dklen"),
        ("/crypto/kdfparams/salt", json!("0g"), "not hexadecimal"),
        ("/crypto/kdfparams/salt", json!("00".repeat(SALT_BYTES_MAX + 1)), "salt"),
        ("/crypto/cipherparams/iv", json!("00"), "iv has 1 bytes"),
        ("/crypto/ciphertext", json!(""), "ciphertext has 0 bytes"),
        ("/crypto/ciphertext", json!("00".repeat(33)), "ciphertext has 33 bytes"),
        ("/crypto/mac", json!("00".repeat(31)), "mac has 31 bytes"),
        ("/address", json!("6ab0"), "no address"),
        ("/address", json!("0x+f0ecd1aa7cf088873c889b191d4a12f9a8d3dab"), "no address"),
    ];
    for (path, value, why) in changes {
        let mut keyfile = cheap();
        *keyfile.pointer_mut(path).unwrap() = value;
        let refused = Keystore::parse(keyfile.to_string().as_bytes()).unwrap_err().to_string();
        assert!(refused.contains(why), "{path}: {refused}");
    }
    let deep = "[".repeat(usize::try_from(FILE_BYTES_MAX).unwrap());
    let twice = cheap().to_string().replacen("{", r#"{"Crypto":{},"#, 1);
    for json in ["", "null", "[]", "{}", "{\"version\":3}", "\0", deep.as_str(), &twice, &cheap().to_string()[..300]] {
        let refused = Keystore::parse(json.as_bytes());
        assert!(matches!(refused, Err(KeystoreError::Form(_))), "{json:.40}");
    }
}

#[test]
fn what_others_write_differently_is_read() {
    let original = vector()["private_key"].as_str().unwrap().to_owned();
    for change in [
        |keyfile: &mut Value| keyfile["address"] = json!("0x6ab00Ecd1aa7cf088873c889b191D4a12f9A8d3D"),
        |keyfile| drop(keyfile.as_object_mut().unwrap().remove("address")),
        |keyfile| drop(keyfile.as_object_mut().unwrap().remove("id")),
        |keyfile| keyfile["address"] = json!(""),
        |keyfile| keyfile["name"] = json!({ "of": "another program" }),
        |keyfile| keyfile["x-ethers"] = json!({ "client": "ethers.js" }),
        |keyfile| {
            let crypto = keyfile.as_object_mut().unwrap().remove("crypto").unwrap();
            keyfile["Crypto"] = crypto;
        },
        |keyfile| {
            let mac = keyfile["crypto"]["mac"].as_str().unwrap().to_uppercase();
            keyfile["crypto"]["mac"] = json!(mac);
        },
        |keyfile| keyfile["crypto"]["kdfparams"]["dklen"] = json!(64),
        |keyfile| keyfile["crypto"]["cipher"] = json!("AES-128-CTR"),
    ] as [fn(&mut Value); 10]
    {
        let mut keyfile = cheap();
        change(&mut keyfile);
        assert_eq!(decrypt(&keyfile, "").unwrap(), original, "{keyfile}");
    }
    let with_mark = format!("\u{feff}{}", cheap());
    assert!(Keystore::parse(with_mark.as_bytes()).is_ok());
}

#[test]
fn a_keystore_that_says_another_address_is_not_used() {
    let mut keyfile = cheap();
    keyfile["address"] = json!("21262bf29ff08691c8a72bc6f22f791996e1891f");
    let refused = decrypt(&keyfile, "").unwrap_err().to_string();
    assert!(refused.contains("0x6ab00Ecd1aa7cf088873c889b191D4a12f9A8d3D"), "{refused}");
}

#[test]
fn a_file_is_the_owners_alone_and_never_overwritten() {
    use std::os::unix::fs::PermissionsExt;
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("keyfile");
    let key = PrivateKey::generate().unwrap();
    let keystore = |text: &str| Keystore::encrypt_at(&key, &passphrase(text), 2, 1, 1).unwrap();
    let first = keystore("first");
    create(&path, &first).unwrap();
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(read(&path).unwrap(), first);
    assert!(matches!(create(&path, &keystore("second")), Err(KeystoreError::Exists(_))));
    assert_eq!(read(&path).unwrap(), first);
    // A link that leads nowhere is something, too.
    let link = base.path().join("link");
    std::os::unix::fs::symlink(base.path().join("nothing"), &link).unwrap();
    assert!(matches!(create(&link, &first), Err(KeystoreError::Exists(_))));
    assert!(matches!(create(&base.path().join("no/keyfile"), &first), Err(KeystoreError::File { .. })));
    let second = keystore("second");
    replace(&path, &second).unwrap();
    assert_eq!(read(&path).unwrap(), second);
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
    assert!(replace(&base.path().join("nothing"), &second).is_err());
    let mut left: Vec<_> = base.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["keyfile", "link"], "nothing is left beside them");
}

#[test]
fn a_file_that_is_too_large_or_none_is_not_read() {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("keyfile");
    let padding = " ".repeat(usize::try_from(FILE_BYTES_MAX).unwrap());
    std::fs::write(&path, format!("{padding}{}", cheap())).unwrap();
    assert!(matches!(read(&path), Err(KeystoreError::TooLarge { .. })));
    assert!(matches!(read(base.path()), Err(KeystoreError::NotRegular(_))));
    assert!(matches!(read("/dev/zero".as_ref()), Err(KeystoreError::NotRegular(_))));
    let pipe = base.path().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    assert!(matches!(read(&pipe), Err(KeystoreError::NotRegular(_))));
}
