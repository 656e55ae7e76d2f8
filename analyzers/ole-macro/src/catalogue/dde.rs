//! Dynamic Data Exchange: fields and links that start programs.

analyzers::indicators! {
    FIELD = "office.dde.field", "A field exchanges data with another program.",
        source: "OFF-39; ECMA-376-1 17.16.5", attack: "T1559.002";
    AUTO = "office.dde.auto", "A field exchanges data with another program as soon as the document is opened.",
        source: "OFF-39; MS advisory 4053440", attack: "T1559.002";
    COMMAND = "office.dde.command", "Data exchange starts a command interpreter or script host.",
        source: "OFF-39; Sensepost, Macro-less code exec in MSWord, 2017", attack: "T1559.002";
    HIDDEN = "office.dde.hidden", "The command of a data exchange is composed from character codes.",
        source: "Word field QUOTE, ECMA-376-1 17.16.5.52", attack: "T1027";
    COMPUTED = "office.dde.computed", "The keyword of a field is computed by another field, which no document writer does.",
        source: "Word fields SET and REF, ECMA-376-1 17.16.5.51, 17.16.5.57", attack: "T1027";
    LINK = "office.dde.link", "A workbook exchanges data with another program.",
        source: "ECMA-376-1 18.14.4 ddeLink", attack: "T1559.002";
}
