//! What belongs together: files of one unit are drawn together by the bootstrap, and are never fitted and judged at once.
//!
//! The same rules as in `rules/model/common.py`, so that figures of both can be held side by side.

use analyzers::{LayerId, Record};
use triage::Family;

use super::{CorpusFile, ManifestRow, Margins, Programs, ScannedFile, SourceNames};

/// A measure that tells an ELF program from a library.
const INTERPRETER: &str = "segment.interpreter";

/// Packages of relatives: the name of the family, and what names of its packages hold.
const RELATIVES: &[(&str, &[&str])] = &[
    ("qt", &["pyqt", "pyside", "qt5", "qt6", "shiboken"]),
    ("7zip", &["7zip", "p7zip"]),
    ("busybox", &["busybox"]),
    ("autoit", &["autoit"]),
    ("upx", &["upx"]),
];
/// The source whose groups are repositories, which have no relatives.
const REPOSITORIES: &str = "programs";

pub(super) fn labelled(
    file: ScannedFile,
    row: &ManifestRow,
    programs: &Programs,
    margins: &Margins,
    names: &SourceNames,
) -> CorpusFile {
    let family = Family::of_kind(&file.kind);
    let is = |list: &[String]| list.contains(&row.source);
    let packed =
        is(&names.packed) && !last_part(&row.group).to_lowercase().contains("not") && !row.group.contains("not-packed");
    let unit = match row.malicious {
        true => malicious_unit(&file, row),
        false => format!("b:{}", benign_unit(row, programs.of(&file.sha256))),
    };
    CorpusFile {
        malicious: row.malicious,
        source: row.source.clone(),
        group: row.group.clone(),
        unit,
        program: is_program(&file.kind, family, &file.record),
        hard: packed || is(&names.odd),
        noisy: row.malicious && is(&names.noisy),
        margin: margins.of(&file.sha256),
        sha256: file.sha256,
        kind: file.kind,
        family,
        record: file.record,
    }
}

fn last_part(group: &str) -> &str {
    group.rsplit('/').next().unwrap_or(group)
}

fn benign_unit(row: &ManifestRow, program: Option<&str>) -> String {
    if let Some(program) = program {
        return format!("program:{program}");
    }
    let name = row.group.to_lowercase();
    if row.source == REPOSITORIES {
        return name;
    }
    let registry = ["apt", "pypi", "npm", "deb"].iter().find_map(|registry| {
        let rest = name.strip_prefix(registry)?;
        rest.strip_prefix(['/', ':'])
    });
    let name = registry.unwrap_or(&name).replace('_', "-");
    let relative = RELATIVES.iter().find(|(family, holds)| {
        holds.iter().any(|part| name.contains(part)) || *family == "7zip" && holds_word_7z(&name)
    });
    relative.map_or(name, |(family, _)| (*family).to_owned())
}

/// Whether a part of the name ends with `7z`.
fn holds_word_7z(name: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    name.match_indices("7z").any(|(at, part)| !name[at + part.len()..].starts_with(is_word))
}

fn malicious_unit(file: &ScannedFile, row: &ManifestRow) -> String {
    let whole_collection = row.group == row.source || row.group.strip_prefix(&row.source) == Some("/all");
    if !whole_collection {
        return format!("m:{}", row.group);
    }
    let of_artifact = file.record.evidence.iter().filter(|seen| {
        file.record.layers.get(seen.layer.index()).is_some_and(|layer| layer.subject == LayerId::ARTIFACT)
    });
    let mut shown: Vec<&str> = of_artifact.map(|seen| seen.indicator.as_str()).collect();
    shown.sort_unstable();
    shown.dedup();
    match shown.is_empty() {
        true => format!("m:{}:{}", row.source, file.sha256),
        false => format!("m:{}:{}:{}", row.source, file.kind, shown.join(",")),
    }
}

fn is_program(kind: &str, family: Family, record: &Record) -> bool {
    let interpreted = || {
        let of_artifact = record.measured.iter().find(|measured| measured.subject == LayerId::ARTIFACT);
        let mut values = of_artifact.into_iter().flat_map(|measured| measured.iter());
        values.any(|(measure, value)| measure.name == INTERPRETER && value > 0.0)
    };
    match family {
        Family::Pe => kind.ends_with(".exe"),
        Family::Elf => kind.ends_with(".exec") || kind.ends_with(".dyn") && interpreted(),
        Family::Office | Family::Other => false,
    }
}
