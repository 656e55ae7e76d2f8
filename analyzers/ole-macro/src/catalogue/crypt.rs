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
    DEFAULT_PASSWORD = "office.crypt.default_password", "The encryption opens without asking: the password is the one that Office tries by itself. It hides the content from scanners alone.",
        source: "MS-XLS 2.2.10; MS-OFFCRYPTO 2.3.6.3; OFF-31", attack: "T1027.013";
    LOCKED = "office.crypt.locked", "No password known to all opens the encryption; what it holds was not seen.",
        source: "MS-OFFCRYPTO; OFF-32", attack: "T1027.013";
    COSTLY = "office.crypt.costly", "To try a password on the document takes far more hashing than Office asks for by default.",
        source: "MS-OFFCRYPTO 2.3.4.10, spinCount, at most 10,000,000; Office writes 100,000", attack: "T1027.013";
    UNREADABLE = "office.crypt.unreadable", "The description of the encryption cannot be read, or names a method that Office does not have.",
        source: "MS-OFFCRYPTO 2.3", attack: "T1027";
}
