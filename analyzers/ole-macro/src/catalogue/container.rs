//! Compound files that are made to be misread, or were damaged.

analyzers::indicators! {
    MALFORMED = "office.container.malformed", "A compound file breaks rules of the format that no writer of documents breaks.",
        source: "MS-CFB 2.2 to 2.6; OFF-54, containers that open in Office but not in scanners", attack: "T1027";
    CYCLIC = "office.container.cyclic", "A chain of sectors, or the tree of the directory, comes back to where it was.",
        source: "MS-CFB 2.3, 2.6.4; rust-cfb issues 7 and 18, readers that never end", attack: "T1027";
    BEYOND_END = "office.container.beyond_end", "A stream or a table is said to go on where the file has ended.",
        source: "MS-CFB 2.3, 2.6.3";
    ORPHANS = "office.container.orphans", "The directory holds entries in use that its tree does not reach.",
        source: "MS-CFB 2.6.4; olefile, orphan streams", attack: "T1564";
    REFUSED = "office.container.refused", "A strict reader refuses the file.",
        source: "The crate cfb, in its permissive mode; OFF-54", attack: "T1027";
}
