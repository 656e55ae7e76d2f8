//! Compound files that are made to be misread, or were damaged.

analyzers::indicators! {
    MALFORMED = "office.container.malformed", "A compound file violates the format in ways that no document writer does.",
        source: "MS-CFB 2.2 to 2.6; OFF-54, containers that open in Office but not in scanners", attack: "T1027";
    CYCLIC = "office.container.cyclic", "A chain of sectors or the directory tree contains a cycle.",
        source: "MS-CFB 2.3, 2.6.4; rust-cfb issues 7 and 18, readers that never end", attack: "T1027";
    BEYOND_END = "office.container.beyond_end", "A stream or a table extends past the end of the file.",
        source: "MS-CFB 2.3, 2.6.3";
    ORPHANS = "office.container.orphans", "The directory holds entries in use that its tree does not reach.",
        source: "MS-CFB 2.6.4; olefile, orphan streams", attack: "T1564";
    REFUSED = "office.container.refused", "A strict reader refuses the file.",
        source: "The crate cfb, in its permissive mode; OFF-54", attack: "T1027";
}
