//! Domains that tell nothing of who names them, each group with its reason. A name below one of them is one of them.
//!
//! Few on purpose: what is not here is told, and whoever reads it may know better. Hosts that anybody can put files on or talk
//! through (pastebin.com, discord.com, api.telegram.org, raw.githubusercontent.com) are not here: malware uses them.

/// Groups of domains, sorted within each.
const GROUPS: &[&[&str]] = &[
    // Names of XML namespaces and schemas: nobody fetches them.
    &[
        "datacontract.org",
        "dublincore.org",
        "iptc.org",
        "jabber.org",
        "json-schema.org",
        "ns.adobe.com",
        "oasis-open.org",
        "openxmlformats.org",
        "purl.org",
        "relaxng.org",
        "schema.org",
        "spdx.org",
        "tempuri.org",
        "w3.org",
        "whatwg.org",
        "xml.org",
        "xmlsoap.org",
    ],
    // Certificate authorities: lists of revoked certificates, OCSP, policies. Every signed program names some.
    &[
        "accv.es",
        "amazontrust.com",
        "certum.pl",
        "comodo.net",
        "comodoca.com",
        "d-trust.net",
        "digicert.com",
        "entrust.net",
        "firmaprofesional.com",
        "geotrust.com",
        "globalsign.com",
        "globalsign.net",
        "godaddy.com",
        "identrust.com",
        "lencr.org",
        "letsencrypt.org",
        "netsolssl.com",
        "pki.goog",
        "public-trust.com",
        "quovadisglobal.com",
        "sectigo.com",
        "ssl.com",
        "starfieldtech.com",
        "startcom.org",
        "startssl.com",
        "swisssign.net",
        "symauth.com",
        "symcb.com",
        "symcd.com",
        "thawte.com",
        "trustcenter.de",
        "trustwave.com",
        "usertrust.com",
        "valicert.com",
        "verisign.com",
        "wosign.com",
        "ws.symantec.com",
    ],
    // Systems, compilers, installers, packers and libraries that name themselves in what they make.
    &[
        "ahkscript.org",
        "aka.ms",
        "apache.org",
        "apple.com",
        "asp.net",
        "autohotkey.com",
        "autoitscript.com",
        "boost.org",
        "borland.com",
        "codeplex.com",
        "creativecommons.org",
        "curl.haxx.se",
        "curl.se",
        "debian.net",
        "debian.org",
        "docs.rs",
        "embarcadero.com",
        "freedesktop.org",
        "fsf.org",
        "gcc.gnu.org",
        "github.com",
        "github.io",
        "gnome.org",
        "gnu.org",
        "go.dev",
        "golang.org",
        "googlesource.com",
        "gzip.org",
        "indyproject.org",
        "info-zip.org",
        "innosetup.com",
        "installshield.com",
        "intel.com",
        "java.com",
        "java.net",
        "jquery.com",
        "jrsoftware.org",
        "kernel.org",
        "launchpad.net",
        "llvm.org",
        "macromedia.com",
        "microsoft.com",
        "mono-project.com",
        "mozilla.org",
        "nodejs.org",
        "npmjs.com",
        "npmjs.org",
        "nuget.org",
        "numpy.org",
        "opensource.org",
        "openssl.org",
        "oracle.com",
        "paint.net",
        "php.net",
        "python.org",
        "qt-project.org",
        "qt.io",
        "remobjects.com",
        "rust-lang.org",
        "scintilla.org",
        "sf.net",
        "sourceforge.net",
        "sourceware.org",
        "sqlite.org",
        "sun.com",
        "sysinternals.com",
        "translationproject.org",
        "ubuntu.com",
        "uclibc.org",
        "unicode.org",
        "upx.tsx.org",
        "vim.org",
        "windows.com",
        "windowsupdate.com",
        "wixtoolset.org",
        "xamarin.com",
        "xmlsoft.org",
        "zlib.net",
    ],
    // What programs ask to see whether there is a network, or show to the user; nobody blocks them.
    &[
        "baidu.com",
        "bing.com",
        "facebook.com",
        "gmail.com",
        "google.com",
        "hotmail.com",
        "instagram.com",
        "linkedin.com",
        "live.com",
        "msn.com",
        "nist.gov",
        "ntp.org",
        "outlook.com",
        "twitter.com",
        "wikipedia.org",
        "yahoo.com",
        "youtube.com",
    ],
    // Placeholders of manuals and sources (RFC 2606, and what is used like it).
    &[
        "domain.com",
        "example.com",
        "example.net",
        "example.org",
        "foo.com",
        "mydomain.com",
        "test.com",
        "yourdomain.com",
    ],
];

/// Whether `domain` is one of them, or below one.
pub(super) fn contains(domain: &str) -> bool {
    let mut rest = domain;
    loop {
        if GROUPS.iter().any(|group| group.contains(&rest)) {
            return true;
        }
        match rest.split_once('.') {
            Some((_, above)) => rest = above,
            None => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_one_is_a_domain_and_there_once() {
        let mut all: Vec<&str> = GROUPS.iter().flat_map(|group| *group).copied().collect();
        assert!(all.iter().all(|domain| daemon_base::is_domain(domain)));
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn names_below_one_are_one_and_those_that_end_alike_are_not() {
        for domain in ["w3.org", "www.w3.org", "crl.microsoft.com"] {
            assert!(contains(domain), "{domain}");
        }
        for domain in ["notw3.org", "microsoft.com.evil-host.top", "evil-host.top"] {
            assert!(!contains(domain), "{domain}");
        }
    }
}
