//! The classes of objects that matter.
//!
//! A class is registered under a number, and mostly under a name as well. That a class stands here does not make a
//! document bad: it says which program would be loaded with what the object holds.

/// Kind of object that a class creates.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ObjectKind {
    /// A file of any kind (MS-OLEDS 2.3.6).
    Package,
    /// The Equation Editor of 2000, removed by Microsoft in 2018.
    Equation,
    /// Loads or runs what documents have no use for.
    Exploit,
    /// A window control with known exploits that honest forms use too: counts where a document has no forms.
    Control,
}

/// A class.
pub(crate) struct Class {
    /// Class id as in a file (MS-DTYP 2.3.4.2).
    id: [u8; 16],
    /// Name of the class, for reports.
    pub name: &'static str,
    /// Kind of object that the class creates.
    pub kind: ObjectKind,
}

const fn class(id: u128, name: &'static str, kind: ObjectKind) -> Class {
    let [a, b, c, d, e, f, g, h, rest @ ..] = id.to_be_bytes();
    let [i, j, k, l, m, n, o, p] = rest;
    // The first three fields are little-endian.
    Class { id: [d, c, b, a, f, e, h, g, i, j, k, l, m, n, o, p], name, kind }
}

static CLASSES: [Class; 27] = [
    class(0x0003000c_0000_0000_c000_000000000046, "Package (OLE 1)", ObjectKind::Package),
    class(0xf20da720_c02f_11ce_927b_0800095ae340, "Package", ObjectKind::Package),
    // CVE-2017-11882, CVE-2018-0798, CVE-2018-0802.
    class(0x00021700_0000_0000_c000_000000000046, "Equation.2", ObjectKind::Equation),
    class(0x0002ce02_0000_0000_c000_000000000046, "Equation.3", ObjectKind::Equation),
    class(0x0003000b_0000_0000_c000_000000000046, "Equation (OLE 1)", ObjectKind::Equation),
    // CVE-2017-0199: what comes back is run as an HTML application.
    class(0x3050f4d8_98b5_11cf_bb82_00aa00bdce0b, "htafile", ObjectKind::Exploit),
    // CVE-2021-40444, CVE-2018-8174: the document becomes a browser.
    class(0x25336920_03f9_11cf_8fd0_00aa00686f13, "htmlfile", ObjectKind::Exploit),
    class(0x8856f961_340a_11d0_a96b_00c04fd705a2, "Shell.Explorer.2", ObjectKind::Exploit),
    class(0xeab22ac3_30c1_11cf_a7eb_0000c05bae0b, "Shell.Explorer.1", ObjectKind::Exploit),
    // CVE-2017-8570: scriptlets.
    class(0x06290bd2_48aa_11d2_8432_006008c3fbfc, "scriptletfile", ObjectKind::Exploit),
    class(0x06290bd3_48aa_11d2_8432_006008c3fbfc, "script moniker", ObjectKind::Exploit),
    // CVE-2017-8759: code made of a service description.
    class(0xecabb0c7_7f19_11d2_978e_0000f8757e2a, "SOAP moniker", ObjectKind::Exploit),
    // CVE-2015-1641: libraries without address randomisation.
    class(0xa08a033d_1a75_4ab6_a166_ead02f547959, "otkloadr.WRAssembly.1", ObjectKind::Exploit),
    class(0x05741520_c4eb_440a_ac3f_9643bbc9f847, "otkloadr.WRLoader.1", ObjectKind::Exploit),
    // CVE-2015-0097.
    class(0x00000535_0000_0010_8000_00aa006d2ea4, "ADODB.RecordSet", ObjectKind::Exploit),
    class(0x0e59f1d5_1fbe_11d0_8ff2_00a0d10038bc, "ScriptControl", ObjectKind::Exploit),
    // CVE-2015-2424.
    class(0x44f9a03b_a3ec_4f3b_9364_08e0007f21df, "Control.TaskSymbol", ObjectKind::Exploit),
    // CVE-2018-4878, CVE-2018-15982.
    class(0xd27cdb6e_ae6d_11cf_96b8_444553540000, "ShockwaveFlash", ObjectKind::Exploit),
    // Run code by their mere presence in a document.
    class(0xb54f3741_5b07_11cf_a4b0_00aa004a55e8, "VBScript", ObjectKind::Exploit),
    class(0xf414c260_6ac0_11cf_b6d1_00aa00bbbb58, "JScript", ObjectKind::Exploit),
    class(0x0d43fe01_f093_11cf_8940_00a0c9054228, "Scripting.FileSystemObject", ObjectKind::Exploit),
    // CVE-2012-0158, CVE-2012-1856.
    class(0xbdd1f04b_858b_11d1_b16a_00c0f0283628, "MSComctlLib.ListViewCtrl.2", ObjectKind::Control),
    class(0x996bf5e0_8044_4650_adeb_0b013914e99c, "MSComctlLib.ListViewCtrl", ObjectKind::Control),
    class(0xc74190b6_8589_11d1_b16a_00c0f0283628, "MSComctlLib.TreeCtrl.2", ObjectKind::Control),
    class(0x9181dc5f_e07d_418a_aca6_8eea1ecb8e9e, "MSComctlLib.TreeCtrl", ObjectKind::Control),
    class(0x1efb6596_857c_11d1_b16a_00c0f0283628, "MSComctlLib.TabStrip", ObjectKind::Control),
    class(0x66833fe6_8583_11d1_b16a_00c0f0283628, "MSComctlLib.Toolbar", ObjectKind::Control),
];

/// Names under which classes are registered, as they begin; without versions.
const NAMES: [(&str, ObjectKind); 14] = [
    ("package", ObjectKind::Package),
    ("equation.", ObjectKind::Equation),
    ("htafile", ObjectKind::Exploit),
    ("htmlfile", ObjectKind::Exploit),
    ("shell.explorer", ObjectKind::Exploit),
    ("scriptletfile", ObjectKind::Exploit),
    ("script.", ObjectKind::Exploit),
    ("soap", ObjectKind::Exploit),
    ("otkloadr.", ObjectKind::Exploit),
    ("forms.html:", ObjectKind::Exploit),
    ("control.tasksymbol", ObjectKind::Exploit),
    ("shockwaveflash.", ObjectKind::Exploit),
    ("mscomctllib.", ObjectKind::Control),
    ("comctllib.", ObjectKind::Control),
];

/// Returns the class with this id, as in a file.
pub(crate) fn by_id(id: &[u8]) -> Option<&'static Class> {
    CLASSES.iter().find(|class| class.id == id)
}

/// The class whose number is written as text: `{0002CE02-0000-0000-C000-000000000046}`.
pub(crate) fn by_text(text: &str) -> Option<&'static Class> {
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).take(33).collect();
    let wanted = class(u128::from_str_radix(&digits, 16).ok()?, "", ObjectKind::Package);
    by_id(&wanted.id)
}

/// Returns the kind of the class registered as `name`, ignoring case.
pub(crate) fn by_name(name: &str) -> Option<ObjectKind> {
    let starts = |known: &str| name.get(..known.len()).is_some_and(|start| start.eq_ignore_ascii_case(known));
    NAMES.iter().find(|(known, _)| starts(known)).map(|(_, kind)| *kind)
}
