//! Every indicator of archives: what it means and where it is from.

analyzers::indicators! {
    UNREADABLE = "archive.file.unreadable", "An archive contradicts its own format, ends early, or is packed by a method that is not read.",
        source: "7-Zip, 7zFormat.txt; MS-CAB; NSIS, Source/exehead/fileform.h; Inno Setup, Shared.Struct.pas; PyInstaller, CArchive", attack: "T1027";
    ENCRYPTED = "archive.member.encrypted", "Members of an archive are encrypted.",
        source: "7-Zip, 7zFormat.txt and Methods.txt; Inno Setup, Shared.Struct.pas", attack: "T1027.013";
    SCRIPT = "archive.member.script", "A script for an interpreter of Windows is among the members of an archive.",
        source: "MITRE ATT&CK, T1059 (Command and Scripting Interpreter)", attack: "T1059";
    PYTHON = "archive.pyinstaller.script", "A Python script starts with the program.",
        source: "PyInstaller, bootloader/src/pyi_archive.h, ARCHIVE_ITEM_PYSOURCE", attack: "T1059.006";
}
