//! Classification of file names.

/// Extensions that Windows runs on a double click, or mounts or unpacks (ATT&CK T1204.002, T1553.005).
const PROGRAMS: [&str; 19] = [
    "exe",
    "scr",
    "com",
    "pif",
    "cpl",
    "dll",
    "msi",
    "msix",
    "jar",
    "chm",
    "iso",
    "img",
    "vhd",
    "vhdx",
    "gadget",
    "application",
    "appref-ms",
    "xll",
    "ocx",
];
/// Extensions that an interpreter runs on a double click.
const SCRIPTS: [&str; 20] = [
    "bat",
    "cmd",
    "ps1",
    "vbs",
    "vbe",
    "js",
    "jse",
    "wsf",
    "wsh",
    "hta",
    "lnk",
    "sct",
    "scf",
    "url",
    "reg",
    "inf",
    "wsc",
    "settingcontent-ms",
    "library-ms",
    "psc1",
];
/// Extensions that users consider harmless.
const DOCUMENTS: [&str; 15] =
    ["doc", "docx", "xls", "xlsx", "ppt", "pptx", "pdf", "rtf", "txt", "jpg", "jpeg", "png", "gif", "csv", "html"];
/// Parts of packages that hold pictures or text.
const PICTURES_AND_TEXT: [&str; 13] =
    ["png", "jpg", "jpeg", "gif", "bmp", "tif", "tiff", "wmf", "emf", "svg", "txt", "xml", "rels"];

/// A program or script, by name.
pub(crate) fn is_executable(name: &str) -> bool {
    is_in(extension(name), &PROGRAMS) || is_script(name)
}

/// A script or shell link, by name.
pub(crate) fn is_script(name: &str) -> bool {
    is_in(extension(name), &SCRIPTS)
}

/// A picture or text, by name.
pub(crate) fn is_picture_or_text(name: &str) -> bool {
    is_in(extension(name), &PICTURES_AND_TEXT)
}

/// A program or script whose name looks like that of a document: `invoice.pdf.exe`, or turned around by U+202E.
pub(crate) fn is_disguised(name: &str) -> bool {
    if name.contains('\u{202e}') {
        return true;
    }
    let Some((stem, _)) = name.trim_end().rsplit_once('.') else { return false };
    is_executable(name) && is_in(extension(stem), &DOCUMENTS)
}

/// Returns the extension of the file name. Windows drops trailing dots and spaces.
fn extension(name: &str) -> &str {
    let name = name.trim_end_matches([' ', '.', '\0']);
    let own = name.rsplit(['/', '\\']).next().unwrap_or_default();
    own.rsplit_once('.').map_or("", |(_, extension)| extension)
}

fn is_in(extension: &str, list: &[&str]) -> bool {
    list.iter().any(|known| known.eq_ignore_ascii_case(extension))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_windows_reads_them() {
        assert!(is_executable("C:\\Users\\me\\invoice.EXE. "));
        assert!(is_executable("a/b.js"));
        assert!(!is_executable("exe"));
        assert!(!is_executable("C:\\dir.exe\\letter.docx"));
        assert!(is_disguised("invoice.pdf.exe"));
        assert!(is_disguised("invoice.pdf   .js"));
        assert!(!is_disguised("setup.v2.exe"));
    }
}
