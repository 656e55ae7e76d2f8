//! Rich Text Format: how it hides objects, and what it fetches.

analyzers::indicators! {
    OBJECT = "office.rtf.object", "The text embeds an object.",
        source: "RTF 1.9.1, Objects", attack: "T1027.009";
    AUTO_UPDATE = "office.rtf.auto_update", "An object is activated as soon as the document is opened.",
        source: "RTF 1.9.1 \\objupdate; CVE-2017-0199", attack: "T1203";
    AUTO_LINK = "office.rtf.auto_link", "An object is linked and brought up to date on its own.",
        source: "RTF 1.9.1 \\objautlink; CVE-2017-0199", attack: "T1203";
    ODD_HEADER = "office.rtf.odd_header", "The header is not that of any writer, but Word takes it.",
        source: "RTF 1.9.1, Header; Word takes {\\rt alone", attack: "T1027";
    OBFUSCATED_DATA = "office.rtf.obfuscated_data", "The data of an object is broken up by control words, groups or junk.",
        source: "Mandiant, How RTF malware evades static signature-based detection, 2016", attack: "T1027";
    MALFORMED_OBJECT = "office.rtf.malformed_object", "The data of an object does not begin as objects do.",
        source: "MS-OLEDS 2.2.4", attack: "T1027";
    TEMPLATE_REMOTE = "office.rtf.template_remote", "The document downloads its template from another machine.",
        source: "Proofpoint, RTF template injection, 2021", attack: "T1221";
    TEMPLATE_SERVICE = "office.rtf.template_service", "The document's template lies on a document service or a server of the own network, as those of organisations do.",
        source: "Microsoft Learn, SharePoint Online; RFC 6761, names without a dot are local", attack: "T1221";
    OVERLONG_WORDS = "office.rtf.overlong_words", "Control words are longer than any that exist.",
        source: "RTF 1.9.1, Control Word: 32 letters", attack: "T1027";
    DEEP_GROUPS = "office.rtf.deep_groups", "Groups are nested deeper than writers do.",
        source: "RTF 1.9.1, Groups", attack: "T1027";
}
