//! Binary Word documents: what their tables name.

analyzers::indicators! {
    TEMPLATE_REMOTE = "office.word.template_remote", "The document fetches its template, or data to merge, from another machine.",
        source: "MS-DOC 2.2.4, SttbfAssoc; ATT&CK T1221", attack: "T1221";
    TEMPLATE_NETWORK = "office.word.template_network", "The document's template, or data to merge, lies on a network path, which sends the user's password hash.",
        source: "MS-DOC 2.2.4, SttbfAssoc; ATT&CK T1187", attack: "T1187";
    TEMPLATE_SERVICE = "office.word.template_service", "The document's template lies on a document service or a server of the own network, as those of organisations do.",
        source: "Microsoft Learn, SharePoint Online; RFC 6761, names without a dot are local", attack: "T1221";
    MACROS = "office.word.macros", "The document of Word 6 or 95 has macros, which only templates should have.",
        source: "MS-DOC 2.9.317, Tcg; macro viruses of the family WM", attack: "T1137.001";
    AUTO_MACRO = "office.word.auto_macro", "A macro of Word 6 or 95 runs by itself, or in place of a command.",
        source: "WordBasic, automatic macros and FileSaveAs; macro viruses of the family WM", attack: "T1204.002";
}
