//! VBA projects, apart from what their source says.

analyzers::indicators! {
    PROJECT = "office.vba.project", "A VBA project is present.",
        source: "MS-OVBA 2.2; oleid, olevba (OFF-01)", attack: "T1059.005";
    SOURCE = "office.vba.source", "A module holds source code, not only attributes.",
        source: "MS-OVBA 2.3.4.3; olevba (OFF-02)", attack: "T1059.005";
    STOMPED = "office.vba.stomped", "The compiled code of a module differs from its source, or there is no source: Office runs code that is not visible.",
        source: "MS-OVBA 2.3.4.3; Walmart Security and EvilClippy 2018-2019, on VBA stomping (OFF-52)", attack: "T1564.007";
    CACHED = "office.vba.execution_cache", "Streams of executed code are kept: the macros were run, or edited, before the document was saved.",
        source: "MS-OVBA 2.2.6, SRP streams; pcodedmp (OFF-48)";
    NO_CACHE = "office.vba.no_cache", "There is source but no compiled form: the document was written by a program other than Office.",
        source: "MS-OVBA 2.3.4.1; NVISO 2020, Epic Manchego, on documents made with a library";
    DIR_BROKEN = "office.vba.dir_broken", "The stream that lists the modules cannot be read to its end.",
        source: "MS-OVBA 2.3.4.2", attack: "T1027";
    MISSING = "office.vba.module_missing", "A module is listed, but its stream is not there.",
        source: "MS-OVBA 2.3.4.2.3.2.3", attack: "T1027";
    UNLISTED = "office.vba.module_unlisted", "A stream holds compressed source that no list of modules names.",
        source: "MS-OVBA 2.3.4.2.3; olevba, code in orphan streams", attack: "T1564";
    HIDDEN = "office.vba.module_hidden", "A module is there for Office to run but not for its editor to show.",
        source: "MS-OVBA 2.3.1.7; EvilClippy, hiding modules from the editor (OFF-53)", attack: "T1564";
    MALFORMED = "office.vba.compression_malformed", "Compressed source breaks off or breaks the rules of its format.",
        source: "MS-OVBA 2.4.1", attack: "T1027";
    LOCKED = "office.vba.locked", "The project is kept from being viewed: by a password, or as not viewable at all.",
        source: "MS-OVBA 2.3.1.15 to 2.3.1.17; EvilClippy, unviewable projects (OFF-53)", attack: "T1564";
    FORM = "office.vba.form", "A form is present, whose captions and fields can hold text for macros.",
        source: "MS-OFORMS; olevba, form strings (OFF-47)";
    FORM_TEXT = "office.vba.form_text", "A form holds a text too long for any caption and without a gap: a payload, more likely than not.",
        source: "MS-OFORMS; olevba, form strings; Emotet documents of 2019", attack: "T1027.013";
    REFERENCE = "office.vba.reference", "The project uses a library for scripts, management or its own source, by name.",
        source: "MS-OVBA 2.3.4.2.2.5", attack: "T1559.001";
    REMOTE_REFERENCE = "office.vba.reference_remote", "The project references another project on a server.",
        source: "MS-OVBA 2.3.4.2.2.6", attack: "T1221";
}
