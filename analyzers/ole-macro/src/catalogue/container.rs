//! Compound files that are made to be misread.

analyzers::indicators! {
    MALFORMED = "office.container.malformed", "A compound file breaks rules of the format that no writer of documents breaks.",
        source: "MS-CFB; OFF-54, containers that open in Office but not in scanners", attack: "T1027";
}
