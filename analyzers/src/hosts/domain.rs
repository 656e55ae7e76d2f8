//! Which names are domains that tell something.

use daemon_base::is_domain;

use super::infrastructure;

/// Names without a public suffix that malware reaches all the same: the alternative roots of Namecoin and EmerDNS, and I2P
/// (Malpedia and vendors' reports on Necurs, TrickBot and Bazar).
const OTHER_ROOTS: &[&str] = &["bazar", "bit", "i2p"];

/// Whether a domain, in lower case and in ASCII, is one that somebody registered, and says something of who names it.
///
/// Not so: what ends in no public suffix (`kernel32.dll`), a suffix itself (`co.uk`), and what half of all programs name
/// (`infrastructure`).
pub fn is_telling_domain(domain: &str) -> bool {
    is_domain(domain) && registered(domain).is_some() && !infrastructure::contains(domain)
}

/// The part of a domain that somebody registered: `evil.co.uk` of `www.evil.co.uk`.
pub(super) fn registered(domain: &str) -> Option<&str> {
    let suffix = psl::suffix(domain.as_bytes())?;
    if suffix.is_known() {
        return psl::domain_str(domain);
    }
    let (rest, root) = domain.rsplit_once('.')?;
    let name = rest.rsplit('.').next().unwrap_or(rest);
    let start = rest.len() - name.len();
    OTHER_ROOTS.contains(&root).then(|| domain.get(start..)).flatten()
}

/// Top-level domains of more than two letters that stand behind names in plain text. Others do, too, but are words, endings
/// of files or members of objects as often (`setup.py`, `main.rs`, `user.id`, `color.xyz`, `border.top`): those count in URLs
/// and behind `www.` only.
const PLAIN: &[&str] = &["bazar", "biz", "bit", "com", "edu", "gov", "info", "net", "onion", "org"];

/// Those of two letters.
const PLAIN_COUNTRIES: &str = "ar au bg br ca ch cl cn cz de dk es eu fi fr gr hk hu jp kr kz mx nl nz pt pw ru se sg sk su th \
    tk tr tw ua uk us vn za";

/// Longest of both.
pub(super) const PLAIN_TOP_BYTES_MAX: usize = 5;

/// The second letters of both, a bit each, by the first.
const SECOND_LETTERS: [u32; 26] = {
    let (text, mut table, mut at) = (PLAIN_COUNTRIES.as_bytes(), [0; 26], 0);
    while at < text.len() {
        table[(text[at] - b'a') as usize] |= 1 << (text[at + 1] - b'a');
        at += 3;
    }
    at = 0;
    while at < PLAIN.len() {
        let text = PLAIN[at].as_bytes();
        assert!(text.len() > 2 && text.len() <= PLAIN_TOP_BYTES_MAX);
        table[(text[0] - b'a') as usize] |= 1 << (text[1] - b'a');
        at += 1;
    }
    table
};

/// Whether one of these may begin so: what costs least of [`is_plain_top`].
pub(super) fn may_start_top(first: u8, second: u8) -> bool {
    first.is_ascii_lowercase()
        && second.is_ascii_lowercase()
        && SECOND_LETTERS.get(usize::from(first - b'a')).is_some_and(|seconds| seconds >> (second - b'a') & 1 == 1)
}

/// Whether the end of a name is one of these: what costs least of [`is_plain`].
pub(super) fn is_plain_top(top: &[u8]) -> bool {
    match *top {
        [_, _] => PLAIN_COUNTRIES.as_bytes().chunks(3).any(|country| country.starts_with(top)),
        _ => PLAIN.iter().any(|plain| plain.as_bytes() == top),
    }
}

/// First labels of names that are read from the other end: `com.sun.net`, `org.freedesktop.login1`.
const PACKAGE_ROOTS: &[&str] =
    &["android", "androidx", "com", "io", "java", "javax", "kotlin", "net", "org", "reflect", "sun"];

/// Programs whose ending is that of DOS and a suffix by chance.
const DOS_PROGRAMS: &[&str] =
    &["command", "debug", "diskcopy", "devenv", "edit", "format", "loadfix", "more", "share", "tree", "win"];

/// Whether a name that stands in plain text, as `written`, is meant as a domain and not as a file, a version or a member of
/// something: lower case throughout, a top-level domain that is no word, and a name that is no mere number or abbreviation.
pub(super) fn is_plain(written: &[u8]) -> bool {
    let Ok(name) = std::str::from_utf8(written) else { return false };
    let (Some((first, _)), Some((rest, top))) = (name.split_once('.'), name.rsplit_once('.')) else { return false };
    let is_odd = name.bytes().any(|byte| byte.is_ascii_uppercase() || byte == b'_');
    if is_odd || !is_plain_top(top.as_bytes()) || PACKAGE_ROOTS.contains(&first) {
        return false;
    }
    let own = registered(name).and_then(|registered| registered.split('.').next()).unwrap_or_default();
    // Noise has short names with two letters behind them.
    let length_min = if top.len() == 2 && !rest.contains('.') { 4 } else { 3 };
    own.len() >= length_min
        && own.bytes().any(|byte| byte.is_ascii_lowercase())
        && !(top == "com" && DOS_PROGRAMS.contains(&own))
}

/// Whether a name begins with `www.` and goes on as a domain.
pub(super) fn is_web(written: &[u8]) -> bool {
    if !written.get(..4).is_some_and(|www| www.eq_ignore_ascii_case(b"www.")) {
        return false;
    }
    let name = String::from_utf8_lossy(written).to_ascii_lowercase();
    registered(&name).is_some_and(|registered| !registered.starts_with("www."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_suffixes_and_infrastructure_are_no_domains() {
        for name in
            ["evil-host.top", "www.evil-host.co.uk", "evil.duckdns.org", "xn--e1afmkfd.xn--p1ai", "abcdefgh.bit"]
        {
            assert!(is_telling_domain(name), "{name}");
        }
        let onion = format!("{}.onion", "a".repeat(56));
        assert!(is_telling_domain(&onion));
        for name in [
            "kernel32.dll",
            "foo.txt",
            "co.uk",
            "duckdns.org",
            "www.w3.org",
            "ocsp.digicert.com",
            "example.com",
            "bit",
            "x.y",
        ] {
            assert!(!is_telling_domain(name), "{name}");
        }
    }

    #[test]
    fn in_plain_text_a_domain_is_not_a_file_or_a_member() {
        for name in ["evil-host.su", "irc.evil-host.net", "cnc.evil-host.ru", "evil-host.com.cn"] {
            assert!(is_plain(name.as_bytes()), "{name}");
        }
        for name in [
            "setup.py",
            "main.rs",
            "libc.so",
            "user.id",
            "border.top",
            "System.Net",
            "com.sun.net",
            "java.net",
            "abc.ru",
        ] {
            assert!(!is_plain(name.as_bytes()), "{name}");
        }
        for name in ["command.com", "ru", "x", "1234.com", "0421.ar", "reflect.flag.ro", "_x86.su", "a_b.ru"] {
            assert!(!is_plain(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn a_web_server_needs_a_domain_of_its_own() {
        assert!(is_web(b"WWW.evil-host.rs"));
        for name in ["www.world", "www.co.uk", "wwwevil.rs", "www."] {
            assert!(!is_web(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn what_was_registered_stands_before_the_suffix() {
        for (name, own) in [("a.b.evil.co.uk", "evil.co.uk"), ("evil.top", "evil.top"), ("a.evil.bit", "evil.bit")] {
            assert_eq!(registered(name), Some(own), "{name}");
        }
        assert_eq!((registered("co.uk"), registered("a.dll")), (None, None));
    }
}
