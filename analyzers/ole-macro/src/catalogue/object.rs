//! Embedded and linked objects, wherever they stand: compound files, packages, RTF.

analyzers::indicators! {
    PACKAGE = "office.object.package", "A file is embedded, to be opened by a double click.",
        source: "OFF-41; MS-OLEDS 2.3.6", attack: "T1204.002";
    EXECUTABLE = "office.object.executable", "An embedded file is a program or script.",
        source: "OFF-42", attack: "T1204.002";
    DOUBLE_EXTENSION = "office.object.double_extension", "An embedded program or script has the name of a document.",
        source: "ATT&CK T1036.007", attack: "T1036.007";
    EQUATION = "office.object.equation", "An object belongs to the old Equation Editor.",
        source: "OFF-43; CVE-2017-11882, CVE-2018-0802", attack: "T1203";
    EQUATION_OVERFLOW = "office.object.equation_overflow", "An equation names a font longer than the buffer of the Equation Editor.",
        source: "CVE-2017-11882", attack: "T1203";
    EQUATION_ODD = "office.object.equation_odd", "An object of the Equation Editor contains no valid equation.",
        source: "CVE-2017-11882; Equation Native stream", attack: "T1203";
    EXPLOIT_CLASS = "office.object.exploit_class", "An object has a class that documents do not need and exploits use.",
        source: "MS security advisories; see `object/classes.rs`", attack: "T1203";
    REMOTE_LINK = "office.object.remote_link", "A linked object is fetched from another machine.",
        source: "CVE-2017-0199; MS-OLEDS 2.3.3", attack: "T1203";
    SCRIPT_LINK = "office.object.script_link", "A linked object runs a script or uses a scheme that exploits use.",
        source: "CVE-2017-8570, CVE-2017-8759", attack: "T1203";
    POOL = "office.object.pool", "A Word document embeds objects.",
        source: "OFF-44", attack: "T1027.009";
    MALFORMED = "office.object.malformed", "An embedded object breaks its own format.",
        source: "MS-OLEDS 2.2", attack: "T1027";
}
