//! Packages: the ZIP around the parts, the XML in them, and what they fetch.

analyzers::indicators! {
    OVERLAP = "office.package.overlap", "Entries of the package lie over each other, as in decompression bombs.",
        source: "Fifield, A better zip bomb, WOOT 2019", attack: "T1027";
    MALFORMED_ZIP = "office.package.malformed_zip", "The directory of the package cannot be read; Office repairs such files.",
        source: "OFF-54; PKWARE APPNOTE 4.3.12 to 4.3.16", attack: "T1027";
    HEADER_MISMATCH = "office.package.header_mismatch", "A part is described in two ways, by its own header and by the directory.",
        source: "PKWARE APPNOTE 4.3.7, 4.3.12", attack: "T1027";
    DUPLICATE_PART = "office.package.duplicate_part", "Two parts have the same name.",
        source: "ECMA-376-2 6.2.2.3: part names are unique without regard to case", attack: "T1027";
    ODD_NAME = "office.package.odd_name", "A part's name is absolute, climbs up or has backslashes.",
        source: "ECMA-376-2 6.2.2.2", attack: "T1027";
    UNLISTED_PART = "office.package.unlisted_part", "A part is missing from the directory.",
        source: "PKWARE APPNOTE 4.3.6", attack: "T1027";
    ENCRYPTED_PART = "office.package.encrypted_part", "A part is encrypted by ZIP, which Office cannot read.",
        source: "ECMA-376-2 annex B.4", attack: "T1027.013";
    ODD_METHOD = "office.package.odd_method", "A part is compressed by another method than deflate.",
        source: "ECMA-376-2 annex B.4", attack: "T1027";
    BYTES_AROUND = "office.package.bytes_around", "Bytes stand before or behind the package.",
        source: "PKWARE APPNOTE 4.3.6", attack: "T1027.009";
    BROKEN_STREAM = "office.package.broken_stream", "The compressed data of a part is broken.",
        source: "RFC 1951; OFF-54", attack: "T1027";
    DOCTYPE = "office.package.doctype", "A part declares a document type or entities, which are forbidden.",
        source: "ECMA-376-2 6.1.4: no DTD in a package", attack: "T1027";
    MALFORMED_XML = "office.package.malformed_xml", "A part is not well-formed XML.",
        source: "OFF-54", attack: "T1027";
    EXCESSIVE_XML = "office.package.excessive_xml", "A part nests elements or repeats attributes beyond reason.",
        source: "CWE-776, CWE-400", attack: "T1499.004";
    RENAMED_MACROS = "office.package.renamed_macros", "A VBA project is not named vbaProject.bin.",
        source: "MS-OFFMACRO2 2.2.1; tools that look at names only miss it", attack: "T1036";
    TEMPLATE_EXTERNAL = "office.package.template_external", "The document's template is outside of it, on this machine.",
        source: "OFF-33; ECMA-376-1 11.3.9 attachedTemplate", attack: "T1221";
    TEMPLATE_REMOTE = "office.package.template_remote", "The document downloads its template from another machine.",
        source: "OFF-34; ATT&CK T1221", attack: "T1221";
    TEMPLATE_SERVICE = "office.package.template_service", "The document's template lies on a document service or a server of the own network, as those of organisations do.",
        source: "Microsoft Learn, SharePoint Online; RFC 6761, names without a dot are local", attack: "T1221";
    OBJECT_EXTERNAL = "office.package.object_external", "An object is linked to a file outside of the document.",
        source: "OFF-35; ECMA-376-1 15.2.11", attack: "T1203";
    OBJECT_REMOTE = "office.package.object_remote", "An object is fetched from another machine.",
        source: "OFF-35; CVE-2017-0199", attack: "T1203";
    FRAME_REMOTE = "office.package.frame_remote", "A frame or sub-document is fetched from another machine.",
        source: "OFF-36; ECMA-376-1 11.3.9", attack: "T1187";
    IMAGE_REMOTE = "office.package.image_remote", "A picture is fetched from another machine.",
        source: "OFF-38", attack: "T1187";
    NETWORK_PATH = "office.package.network_path", "A part is fetched over a network path, which sends the user's password hash.",
        source: "ATT&CK T1187", attack: "T1187";
    EXPLOIT_TARGET = "office.package.exploit_target", "A link uses a scheme that exploits use: mhtml, ms-msdt, x-usc, or a trailing exclamation mark.",
        source: "OFF-37; CVE-2021-40444, CVE-2022-30190", attack: "T1203";
    COMMAND_TARGET = "office.package.command_target", "A link runs a command or script.",
        source: "PowerPoint mouse-over downloaders, 2017", attack: "T1204.001";
    DISGUISED_PART = "office.package.disguised_part", "A part that is named as a picture or text is a document or program.",
        source: "OFF-46", attack: "T1036.008";
    EXECUTABLE_PART = "office.package.executable_part", "A part is a program.",
        source: "OFF-51", attack: "T1027.009";
    SCRIPT_PART = "office.package.script_part", "A part outside of the usual ones is a script or a shell link.",
        source: "PKWARE APPNOTE; Windows script file extensions", attack: "T1027.009";
    ACTIVEX = "office.package.activex", "The document has ActiveX controls.",
        source: "OFF-45", attack: "T1204.002";
    RIBBON_REMOTE = "office.package.ribbon_remote", "A ribbon, or a macro that it calls, is fetched from another machine.",
        source: "MS-CUSTOMUI 2.2.1; relationship type ui/extensibility", attack: "T1221";
    RIBBON_ONLOAD = "office.package.ribbon_onload", "A ribbon runs a macro when the document is opened.",
        source: "MS-CUSTOMUI 2.2.1, onLoad", attack: "T1204.002";
}
