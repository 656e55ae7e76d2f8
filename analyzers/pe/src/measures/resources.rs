//! Resources: how many of which type, how large and even, and what version and manifest say.

use analyzers::{measures, permille};
use memchr::memmem;

use crate::resource_counts::ResourceCounts;
use crate::resources::{Resources, wide};

const NEUTRAL: u16 = 0;
const ENGLISH_US: u16 = 1033;
const RUSSIAN: u16 = 1049;
const CHINESE: u16 = 2052;

/// The resources, with the bytes of version and manifest.
pub(super) struct AllResources<'r, 'b> {
    counts: &'r ResourceCounts,
    version: &'b [u8],
    manifest: &'b [u8],
    size: usize,
    is_signed: bool,
}

impl<'r, 'b> AllResources<'r, 'b> {
    pub(super) fn of(resources: &'r Resources, bytes: &'b [u8], is_signed: bool) -> AllResources<'r, 'b> {
        let part = |span: &Option<std::ops::Range<usize>>| {
            let data = span.clone().and_then(|span| bytes.get(span)).unwrap_or_default();
            data.get(..crate::resources::LEAF_BYTES_MAX).unwrap_or(data)
        };
        AllResources {
            counts: &resources.counts,
            version: part(&resources.version),
            manifest: part(&resources.manifest),
            size: bytes.len(),
            is_signed,
        }
    }

    fn of_type(&self, id: usize) -> u32 {
        self.counts.types.get(id).copied().unwrap_or(0)
    }

    fn speaks(&self, language: u16) -> bool {
        self.counts.languages.contains(&language)
    }

    /// Whether the version has a text of at least two characters under this key.
    fn says(&self, key: &str) -> bool {
        let key = wide(key);
        let Some(at) = memmem::find(self.version, &key) else { return false };
        let value = self.version.get(at + key.len()..).unwrap_or_default();
        let characters = value.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        characters.skip_while(|&c| c == 0).take(30).take_while(|&c| c != 0).filter(|&c| c != u16::from(b' ')).count()
            > 1
    }

    fn keys(&self) -> usize {
        KEYS.iter().filter(|key| self.says(key)).count()
    }

    fn version_names(&self, name: &str) -> bool {
        memmem::find(self.version, &wide(name)).is_some()
    }

    fn manifest_names(&self, name: &[u8]) -> bool {
        memmem::find(self.manifest, name).is_some()
    }
}

/// Texts of a version resource.
const KEYS: [&str; 9] = [
    "CompanyName",
    "FileDescription",
    "FileVersion",
    "InternalName",
    "LegalCopyright",
    "OriginalFilename",
    "ProductName",
    "ProductVersion",
    "Comments",
];

measures! {
    /// The resources.
    RESOURCES, fn resources(all: &AllResources<'_, '_>), source: "PE/COFF specification, \"The .rsrc Section\"; Microsoft, resource types" {
        "resources.count", Count, "Resources." => all.counts.leaves;
        "resources.share", Permille, "Their bytes, of the file." => permille(all.counts.bytes, all.size);
        "resources.largest_share", Permille, "The largest one, of the file." => permille(all.counts.largest, all.size);
        "resources.highest_entropy", Entropy, "Evenness of the most even one." => all.counts.highest_entropy;
        "resources.languages", Count, "Languages." => all.counts.languages.len();
        "resources.neutral", Flag, "Some are of no language." => all.speaks(NEUTRAL);
        "resources.english", Flag, "Some are in English." => all.speaks(ENGLISH_US);
        "resources.russian", Flag, "Some are in Russian." => all.speaks(RUSSIAN);
        "resources.chinese", Flag, "Some are in Chinese." => all.speaks(CHINESE);
        "resources.cursors", Count, "Cursors." => all.of_type(1);
        "resources.bitmaps", Count, "Bitmaps." => all.of_type(2);
        "resources.icons", Count, "Icons." => all.of_type(3);
        "resources.menus", Count, "Menus." => all.of_type(4);
        "resources.dialogs", Count, "Dialogs." => all.of_type(5);
        "resources.strings", Count, "Tables of strings." => all.of_type(6);
        "resources.accelerators", Count, "Tables of keys." => all.of_type(9);
        "resources.raw", Count, "Raw data." => all.of_type(10);
        "resources.messages", Count, "Tables of messages." => all.of_type(11);
        "resources.cursor_groups", Count, "Groups of cursors." => all.of_type(12);
        "resources.icon_groups", Count, "Groups of icons." => all.of_type(14);
        "resources.versions", Count, "Versions." => all.of_type(16);
        "resources.manifests", Count, "Manifests." => all.of_type(24);
        "resources.named_types", Count, "Resources of a type with a name." => all.counts.named;
        "resources.raw_entropy", Entropy, "Evenness of the most even raw data." => all.counts.raw_entropy;
        "resources.raw_largest", Bytes, "The largest raw data." => all.counts.raw_largest;
        "resources.raw_images", Count, "Raw data that begin as a program does." => all.counts.raw_images;
    }
}

measures! {
    /// Version and manifest.
    IDENTITY, fn identity(all: &AllResources<'_, '_>), source: "Microsoft, VERSIONINFO resource and application manifests" {
        "version.present", Flag, "It has a version." => !all.version.is_empty();
        "version.texts", Count, "Texts of the version that are there, of nine." => all.keys();
        "version.company", Flag, "The version names a company." => all.says("CompanyName");
        "version.description", Flag, "The version describes the file." => all.says("FileDescription");
        "version.file_version", Flag, "The version tells the file's version." => all.says("FileVersion");
        "version.internal_name", Flag, "The version tells an internal name." => all.says("InternalName");
        "version.copyright", Flag, "The version tells a copyright." => all.says("LegalCopyright");
        "version.original_name", Flag, "The version tells the original name." => all.says("OriginalFilename");
        "version.product", Flag, "The version names a product." => all.says("ProductName");
        "version.product_version", Flag, "The version tells the product's version." => all.says("ProductVersion");
        "version.comments", Flag, "The version has comments." => all.says("Comments");
        "version.microsoft", Flag, "The version names Microsoft." => all.version_names("Microsoft");
        "version.microsoft_unsigned", Flag, "The version names Microsoft, and nothing is signed." =>
            all.version_names("Microsoft Corp") && !all.is_signed;
        "manifest.present", Flag, "It has a manifest." => !all.manifest.is_empty();
        "manifest.administrator", Flag, "The manifest asks for the rights of an administrator." =>
            all.manifest_names(b"requireAdministrator");
        "manifest.invoker", Flag, "The manifest asks for no rights." => all.manifest_names(b"asInvoker");
        "manifest.high_density", Flag, "The manifest knows of dense screens." => all.manifest_names(b"dpiAware");
        "manifest.systems", Flag, "The manifest names systems." => all.manifest_names(b"supportedOS");
        "manifest.controls", Flag, "The manifest asks for the common controls." => all.manifest_names(b"Common-Controls");
    }
}
