//! VBA projects, apart from what their source says.

analyzers::indicators! {
    PROJECT = "office.vba.project", "A VBA project is present.",
        source: "MS-OVBA 2.2; oleid, olevba", attack: "T1059.005";
}
