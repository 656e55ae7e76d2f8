//! Encrypted documents: recognised, and opened where the password is known to all.
//!
//! Office tries a default password before it asks the user, so a document encrypted with it opens directly, while
//! scanners see noise. Such a document is decrypted and scanned. With any other password the report is incomplete.
//!
//! - `workbook`: the records of BIFF workbooks (XOR, RC4, RC4 of CryptoAPI);
//! - `package`: packages in compound files (`EncryptedPackage`), "standard" and "agile";
//! - Word documents and presentations are recognised and not opened: Office has no password of its own for them that
//!   attackers use, and VBA projects of Word documents are not encrypted.
//!
//! Slow hashing is what passwords are protected with, and the file says how slow: it is paid as steps before, and
//! beyond [`package::SPINS_MAX`] not tried.

mod package;
mod primitives;
mod workbook;

use analyzers::{Findings, Incomplete};

use crate::biff::BiffRecord;
use crate::catalogue::crypt;
use crate::compound::Compound;

/// Passwords that Office tries by itself: Excel's, for workbooks that are only write-protected (MS-OFFCRYPTO 2.3.6.3
/// names it), and the one PowerPoint uses for the same.
const PASSWORDS: [&str; 2] = ["VelvetSweatshop", "/01Hannes Ruescher/01"];

/// Examines whether `compound` is encrypted as a whole, and opens it where the password is known to all.
pub(crate) fn examine(compound: &Compound<'_>, findings: &mut Findings<'_>) {
    if let Some(package) = compound.find("EncryptedPackage").filter(|entry| !entry.is_storage) {
        package::examine(compound, package, findings);
    }
    if compound.entries().iter().any(|entry| entry.path.ends_with("\u{9}DRMContent")) {
        findings.saw(&crypt::RIGHTS_MANAGED, 0..0);
        findings.incomplete(Incomplete::Encrypted);
    }
    // MS-DOC 2.5.2: bit 8 of the flags at offset 10.
    let word = head(compound, "WordDocument", findings);
    if word.get(11).is_some_and(|flags| flags & 1 != 0) {
        findings.within("WordDocument", |findings| findings.saw(&crypt::DOCUMENT, 10..12));
        findings.incomplete(Incomplete::Encrypted);
    }
    // MS-PPT 2.3.2: behind the record's header and the size, the token that says whether it is encrypted.
    let user = head(compound, "Current User", findings);
    if user.get(12..16) == Some(&[0xdf, 0xc4, 0xd1, 0xf3]) {
        findings.within("Current User", |findings| findings.saw(&crypt::PRESENTATION, 12..16));
        findings.incomplete(Incomplete::Encrypted);
    }
}

/// First bytes of a stream; empty if there is none.
fn head(compound: &Compound<'_>, name: &str, findings: &mut Findings<'_>) -> Vec<u8> {
    let Some(entry) = compound.find(name) else { return Vec::new() };
    // Not below 4,096 bytes: shorter streams are stored elsewhere.
    let mut first = entry.clone();
    first.size = first.size.min(4096);
    compound.read(&first, findings.budget()).map(|bytes| bytes.iter().take(64).copied().collect()).unwrap_or_default()
}

/// Decrypts a workbook `stream` that has a `FILEPASS` record: everything behind it is encrypted. None where the password
/// is not known, or a limit was hit; both are told to `findings`.
pub(crate) fn decrypt_workbook(
    stream: &[u8],
    filepass: &BiffRecord<'_>,
    is_biff5: bool,
    findings: &mut Findings<'_>,
) -> Option<Vec<u8>> {
    workbook::decrypted(stream, filepass, is_biff5, findings)
}

/// Reports that the encryption could not be opened, and why as far as is known.
fn locked(why: &str, findings: &mut Findings<'_>) {
    findings.saw_with(&crypt::LOCKED, 0..0, why);
    findings.incomplete(Incomplete::Encrypted);
}

/// Reports that it is not known how to open the encryption.
fn unreadable(why: &str, findings: &mut Findings<'_>) {
    findings.saw_with(&crypt::UNREADABLE, 0..0, why);
    findings.incomplete(Incomplete::Encrypted);
}
