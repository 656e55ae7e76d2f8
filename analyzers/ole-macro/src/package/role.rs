//! Roles of the parts of a package.

/// Role of a part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PartRole {
    /// Relationships of another part.
    Relations,
    /// A VBA project.
    Macros,
    /// An Excel 4 macro sheet, in XML.
    MacroSheet,
    /// A macro sheet in BIFF12.
    MacroSheetBinary,
    /// The list of sheets and names.
    Workbook,
    /// A workbook in BIFF12.
    WorkbookBinary,
    /// Text that may have fields.
    Text,
    /// A workbook's link to other files or programs.
    ExternalLink,
    /// An external link in BIFF12.
    ExternalLinkBinary,
    /// Changes to the ribbon.
    Ribbon,
    /// An ActiveX control.
    Control,
    /// Other XML: nothing in it runs or fetches.
    Markup,
    /// Pictures, objects and whatever else: its first bytes say what it is.
    Other,
}
