//! Office documents: OLE (MS-CFB), Office Open XML, RTF, and the macros inside of them.

#![forbid(unsafe_code)]
