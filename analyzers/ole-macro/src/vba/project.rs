//! The `PROJECT` stream: which modules the editor shows, and whether it may (MS-OVBA 2.3.1).

use encoding_rs::Encoding;

/// Contents of the `PROJECT` stream.
#[derive(Debug, Default)]
pub(crate) struct Project {
    /// The names of the modules it lists.
    pub modules: Vec<String>,
    /// The names of the forms among them.
    pub forms: Vec<String>,
    /// Reason why the editor does not show the project, if any.
    pub locked: Option<&'static str>,
}

/// Most modules listed.
const MODULES_MAX: usize = 4096;

impl Project {
    /// Reads the lines in `bytes`.
    pub(super) fn read(bytes: &[u8], encoding: &'static Encoding) -> Project {
        let text = encoding.decode_without_bom_handling(bytes).0;
        let mut project = Project::default();
        for line in text.lines() {
            let Some((key, value)) = line.split_once('=') else { continue };
            match key {
                "Module" | "Class" | "BaseClass" | "Document" if project.modules.len() < MODULES_MAX => {
                    // `Document=ThisDocument/&H00000000`
                    let name = value.split('/').next().unwrap_or(value).to_owned();
                    if key == "BaseClass" {
                        project.forms.push(name.clone());
                    }
                    project.modules.push(name);
                }
                "CMG" | "DPB" | "GC" => project.locked = project.locked.or_else(|| lock(key, value)),
                _ => {}
            }
        }
        project
    }
}

/// Protection set by a line (2.3.1.15 to 2.3.1.17).
fn lock(key: &str, value: &str) -> Option<&'static str> {
    let decrypted = decrypt(value.trim().trim_matches('"'));
    match (key, decrypted.as_deref()) {
        (_, None) => Some("a protection that cannot be read"),
        ("CMG", Some(bits)) => bits.first().filter(|bits| *bits & 7 != 0).map(|_| "protected by its host or user"),
        // A password is kept as 29 bytes; none is a zero byte.
        ("DPB", Some(password)) => (password != [0]).then_some("protected by a password"),
        (_, Some(visibility)) => (visibility.first() == Some(&0)).then_some("not to be shown"),
    }
}

/// Reads data that are "encrypted" in hexadecimal digits (2.4.3.3). None when they are not.
fn decrypt(digits: &str) -> Option<Vec<u8>> {
    let nibbles: Option<Vec<u8>> = digits.chars().take(512).map(|c| u8::try_from(c.to_digit(16)?).ok()).collect();
    let mut bytes = nibbles?.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect::<Vec<_>>().into_iter();
    let (seed, version, key) = (bytes.next()?, bytes.next()?, bytes.next()?);
    if seed ^ version != 2 {
        return None;
    }
    let (mut plain, mut newer, mut older) = (seed ^ key, key, version);
    let mut data = bytes.map(|byte| {
        plain = byte ^ older.wrapping_add(plain);
        (older, newer) = (newer, byte);
        plain
    });
    let ignored = usize::from(seed & 6) / 2;
    let rest: Vec<u8> = data.by_ref().skip(ignored).collect();
    let length = super::le32(&rest, 0)? as usize;
    rest.get(4..)?.get(..length).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specifications_example_is_open() {
        // MS-OVBA 3.1.1
        let text = b"Document=ThisDocument/&H00000000\r\nPackage={AC9F2F90-E877-11CE-9F68-00AA00574A4F}\r\nBaseClass=UserForm1\r\n\
            CMG=\"0705D8E3D8EDDBF1DBF1DBF1DBF1\"\r\nDPB=\"0E0CD1ECDFF4E7F5E7F5E7\"\r\nGC=\"1517CAF1D6F9D7F9D706\"\r\n";
        let project = Project::read(text, encoding_rs::WINDOWS_1252);
        assert_eq!(project.modules, ["ThisDocument", "UserForm1"]);
        assert_eq!(project.forms, ["UserForm1"]);
        assert_eq!(project.locked, None);
    }

    #[test]
    fn a_hidden_project_is_told() {
        assert_eq!(lock("GC", "\"not hexadecimal\""), Some("a protection that cannot be read"));
    }
}
