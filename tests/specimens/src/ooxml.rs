//! Builds Office Open XML packages, with any part and any relationship.
//!
//! ```
//! use specimens::ooxml::*;
//! let docx = docx().external("word/document.xml", "attachedTemplate", "http://example.com/t.dotm").build();
//! assert!(docx.starts_with(b"PK"));
//! ```

use std::collections::BTreeMap;

use crate::zip::ZipBuilder;

/// The namespace of relationship types.
const RELATIONS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

/// A package in the making.
#[derive(Clone)]
pub struct OoxmlBuilder {
    main: String,
    parts: Vec<(String, Vec<u8>)>,
    types: String,
    relations: BTreeMap<String, String>,
}

/// A Word document with an empty body.
pub fn docx() -> OoxmlBuilder {
    package("word/document.xml", "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml")
        .part("word/document.xml", word("<w:p/>").as_bytes())
}

/// The same, of the type that may have macros.
pub fn docm() -> OoxmlBuilder {
    package("word/document.xml", "application/vnd.ms-word.document.macroEnabled.main+xml")
        .part("word/document.xml", word("<w:p/>").as_bytes())
}

/// A workbook without sheets.
pub fn xlsx() -> OoxmlBuilder {
    package("xl/workbook.xml", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml")
        .part("xl/workbook.xml", b"<workbook/>")
}

/// The same, of the type that may have macros.
pub fn xlsm() -> OoxmlBuilder {
    package("xl/workbook.xml", "application/vnd.ms-excel.sheet.macroEnabled.main+xml")
        .part("xl/workbook.xml", b"<workbook/>")
}

/// A presentation without slides.
pub fn pptx() -> OoxmlBuilder {
    package(
        "ppt/presentation.xml",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml",
    )
    .part("ppt/presentation.xml", b"<p:presentation/>")
}

/// A Word document with this in its body.
pub fn word(body: &str) -> String {
    let namespace = "http://schemas.openxmlformats.org/wordprocessingml/2006/main";
    format!("<?xml version=\"1.0\"?><w:document xmlns:w=\"{namespace}\"><w:body>{body}</w:body></w:document>")
}

/// The runs of a field with this instruction, a run for each piece of it.
pub fn field(pieces: &[&str]) -> String {
    let mut runs = String::from("<w:r><w:fldChar w:fldCharType=\"begin\"/></w:r>");
    for piece in pieces {
        match piece.strip_prefix("<") {
            Some(_) => runs.push_str(piece),
            None => runs.push_str(&format!("<w:r><w:instrText xml:space=\"preserve\">{piece}</w:instrText></w:r>")),
        }
    }
    runs.push_str("<w:r><w:fldChar w:fldCharType=\"separate\"/></w:r><w:r><w:t>result</w:t></w:r>");
    runs.push_str("<w:r><w:fldChar w:fldCharType=\"end\"/></w:r>");
    runs
}

fn package(main: &str, content_type: &str) -> OoxmlBuilder {
    let types = concat!(
        "<Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>",
        "<Default Extension=\"xml\" ContentType=\"application/xml\"/>",
    );
    let builder =
        OoxmlBuilder { main: main.to_owned(), parts: Vec::new(), types: types.to_owned(), relations: BTreeMap::new() };
    builder.content_type(main, content_type)
}

impl OoxmlBuilder {
    /// Adds a part, or replaces it.
    pub fn part(mut self, name: &str, body: &[u8]) -> OoxmlBuilder {
        self.parts.retain(|(known, _)| known != name);
        self.parts.push((name.to_owned(), body.to_vec()));
        self
    }

    /// Declares the content type of a part.
    pub fn content_type(mut self, name: &str, content_type: &str) -> OoxmlBuilder {
        self.types.push_str(&format!("<Override PartName=\"/{name}\" ContentType=\"{content_type}\"/>"));
        self
    }

    /// Adds a relationship of `part` to something outside of the package.
    ///
    /// # Panics
    ///
    /// If `part` names no folder: only parts have relationships here.
    pub fn external(mut self, part: &str, kind: &str, target: &str) -> OoxmlBuilder {
        let (folder, name) = part.rsplit_once('/').expect("parts have relationships, the package is none");
        let relations = self.relations.entry(format!("{folder}/_rels/{name}.rels")).or_default();
        let escaped = target.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
        relations.push_str(&format!(
            "<Relationship Id=\"rId{}\" Type=\"{RELATIONS}/{kind}\" Target=\"{escaped}\" TargetMode=\"External\"/>",
            relations.len(),
        ));
        self
    }

    /// Adds a VBA project, as it would be in `vbaProject.bin`.
    pub fn vba_project(self, project: &[u8]) -> OoxmlBuilder {
        let folder = self.main.split('/').next().unwrap_or_default().to_owned();
        let name = format!("{folder}/vbaProject.bin");
        self.content_type(&name, "application/vnd.ms-office.vbaProject").part(&name, project)
    }

    /// As a ZIP to which more can be done.
    pub fn zip(&self) -> ZipBuilder {
        let namespace = "http://schemas.openxmlformats.org/package/2006";
        let types = format!("<?xml version=\"1.0\"?><Types xmlns=\"{namespace}/content-types\">{}</Types>", self.types);
        let mut zip = ZipBuilder::new().entry("[Content_Types].xml", types.as_bytes());
        let root = format!("<Relationship Id=\"r1\" Type=\"{RELATIONS}/officeDocument\" Target=\"{}\"/>", self.main);
        let relations = self.relations.iter().map(|(name, body)| (name.as_str(), body.as_str()));
        for (name, body) in [("_rels/.rels", root.as_str())].into_iter().chain(relations) {
            let xml = format!(
                "<?xml version=\"1.0\"?><Relationships xmlns=\"{namespace}/relationships\">{body}</Relationships>"
            );
            zip = zip.entry(name, xml.as_bytes());
        }
        self.parts.iter().fold(zip, |zip, (name, body)| zip.entry(name, body))
    }

    /// The file.
    pub fn build(&self) -> Vec<u8> {
        self.zip().build()
    }
}
