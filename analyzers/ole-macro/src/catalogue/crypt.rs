//! Encrypted documents.

analyzers::indicators! {
    WORKBOOK = "office.crypt.workbook", "The workbook is encrypted.",
        source: "MS-XLS 2.4.117, FilePass; OFF-31", attack: "T1027.013";
    PACKAGE = "office.crypt.package", "The document is an encrypted package.",
        source: "MS-OFFCRYPTO 2.3.4; OFF-32", attack: "T1027.013";
    DOCUMENT = "office.crypt.document", "The Word document is encrypted.",
        source: "MS-DOC 2.5.2, FibBase.fEncrypted", attack: "T1027.013";
    PRESENTATION = "office.crypt.presentation", "The presentation is encrypted.",
        source: "MS-PPT 2.3.2, CurrentUserAtom.headerToken", attack: "T1027.013";
    RIGHTS_MANAGED = "office.crypt.rights_managed", "The document is protected by rights management, and only its servers can open it.",
        source: "MS-OFFCRYPTO 2.2", attack: "T1027.013";
    DEFAULT_PASSWORD = "office.crypt.default_password", "The document is encrypted with the default password that Office tries by itself, which hides the content only from scanners.",
        source: "MS-XLS 2.2.10; MS-OFFCRYPTO 2.3.6.3; OFF-31", attack: "T1027.013";
    LOCKED = "office.crypt.locked", "The document is encrypted with an unknown password; its content was not scanned.",
        source: "MS-OFFCRYPTO; OFF-32", attack: "T1027.013";
    COSTLY = "office.crypt.costly", "Checking a password needs far more hashing than Office uses by default.",
        source: "MS-OFFCRYPTO 2.3.4.10, spinCount, at most 10,000,000; Office writes 100,000", attack: "T1027.013";
    UNREADABLE = "office.crypt.unreadable", "The description of the encryption is unreadable, or names a method that Office does not support.",
        source: "MS-OFFCRYPTO 2.3", attack: "T1027";
}
