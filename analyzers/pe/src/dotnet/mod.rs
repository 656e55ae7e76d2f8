//! What the metadata of a .NET program says it does: which members of the framework it calls, which native functions it
//! imports, and whether a protector left its marks.
//!
//! Sources: ECMA-335, partition II, 22; the attributes that protectors leave are those of de4dot's detectors and of Detect
//! It Easy.

mod tables;

use std::ops::Range;

use analyzers::{Budget, Exhausted, Findings, Limit};
use memchr::memmem;

use crate::api::{self, ApiSet};
use crate::catalogue as signs;
use crate::image::Image;
use tables::{Table, Tables};

/// Rows of one table that are looked at. The largest libraries of the framework have some ten thousand. With more, the
/// examination is incomplete.
const ROWS_MAX: u32 = 1 << 18;
/// Types of its own with names that nobody can type, at least this many and one in four, are the work of a protector.
const UNTYPABLE_MIN: u32 = 8;

/// A member of the framework: its type, its name, and how it is signed, if that matters.
struct CalledMember {
    type_name: &'static [u8],
    name: &'static [u8],
    takes_bytes: bool,
    what: Call,
}

/// What calling a member is good for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
enum Call {
    LoadsImage,
    Downloads,
    Starts,
    Unprotects,
    WritesRegistry,
    Unpacks,
    Decrypts,
}

const CALLS: usize = Call::Decrypts as usize + 1;

const fn call(type_name: &'static [u8], name: &'static [u8], what: Call) -> CalledMember {
    CalledMember { type_name, name, takes_bytes: false, what }
}

/// Members by type and name. An empty name is any member, a constructor among them.
const MEMBERS: &[CalledMember] = &[
    CalledMember { type_name: b"Assembly", name: b"Load", takes_bytes: true, what: Call::LoadsImage },
    CalledMember { type_name: b"AppDomain", name: b"Load", takes_bytes: true, what: Call::LoadsImage },
    call(b"WebClient", b"DownloadData", Call::Downloads),
    call(b"WebClient", b"DownloadFile", Call::Downloads),
    call(b"WebClient", b"DownloadString", Call::Downloads),
    call(b"HttpClient", b"GetByteArrayAsync", Call::Downloads),
    call(b"HttpClient", b"GetStringAsync", Call::Downloads),
    call(b"Process", b"Start", Call::Starts),
    call(b"ProtectedData", b"Unprotect", Call::Unprotects),
    call(b"RegistryKey", b"SetValue", Call::WritesRegistry),
    call(b"Registry", b"SetValue", Call::WritesRegistry),
    call(b"RegistryProxy", b"SetValue", Call::WritesRegistry),
    call(b"GZipStream", b"", Call::Unpacks),
    call(b"DeflateStream", b"", Call::Unpacks),
    call(b"ICryptoTransform", b"TransformFinalBlock", Call::Decrypts),
    call(b"SymmetricAlgorithm", b"CreateDecryptor", Call::Decrypts),
    call(b"CryptoStream", b"", Call::Decrypts),
];

/// How types are called that protectors add, and whose they are. As text of the whole name, with its namespace.
const PROTECTORS: &[(&[u8], &str)] = &[
    (b"ConfusedByAttribute", "Confuser"),
    (b"ConfuserEx", "ConfuserEx"),
    (b"DotfuscatorAttribute", "Dotfuscator"),
    (b"SmartAssembly.Attributes", "SmartAssembly"),
    (b"PoweredByAttribute", "SmartAssembly"),
    (b"BabelAttribute", "Babel"),
    (b"BabelObfuscatorAttribute", "Babel"),
    (b"CryptoObfuscator", "Crypto Obfuscator"),
    (b"ObfuscatedByGoliath", "Goliath"),
    (b"YanoAttribute", "Yano"),
    (b"ProcessedByXenocode", "Xenocode"),
    (b"NineRays.Obfuscator", "Spices.Net"),
    (b"EMyPID_8234_", "Eazfuscator"),
    (b"NetGuard", "NETGuard"),
    (b"DotNetPatcher", "DotNetPatcher"),
    (b"SecureTeam.Attributes", "CliSecure"),
    (b"AgileDotNetRT", "Agile.NET"),
    (b"MaxtoCodeAttribute", "MaxtoCode"),
    (b"ZYXDNGuarder", "DNGuard"),
    (b"ILProtector", "ILProtector"),
    (b"___codefort", "CodeFort"),
];

/// What a .NET program says of itself.
#[derive(Default, Debug)]
pub(crate) struct ManagedCode {
    calls: [Option<Range<usize>>; CALLS],
    protector: Option<(Range<usize>, &'static str)>,
    untypable: Option<(Range<usize>, u32)>,
    /// Native functions that it imports (P/Invoke).
    pub(crate) native: ApiSet,
}

impl ManagedCode {
    /// Reads the metadata of an image; nothing where there is none.
    pub(crate) fn read(image: &Image<'_>, budget: &mut Budget) -> Result<ManagedCode, Exhausted> {
        let mut code = ManagedCode::default();
        let Some(tables) = Tables::of(image) else { return Ok(code) };
        let rows = |table: Table, budget: &mut Budget| {
            let count = tables.count(table);
            if count > ROWS_MAX {
                budget.exhaust(Limit::Entries);
            }
            budget.step(count.min(ROWS_MAX).into())?;
            Ok(1..=count.min(ROWS_MAX))
        };
        for row in rows(Table::TypeRef, budget)? {
            code.see_type(&tables, Table::TypeRef, row);
        }
        let types = rows(Table::TypeDef, budget)?;
        let of_own = *types.end();
        let mut untypable = 0;
        for row in types {
            code.see_type(&tables, Table::TypeDef, row);
            let name = tables.text(Table::TypeDef, row, 1);
            if is_untypable(name) {
                untypable += 1;
                code.untypable.get_or_insert((tables.text_at(Table::TypeDef, row, 1), 0));
            }
        }
        code.untypable = code
            .untypable
            .filter(|_| untypable >= UNTYPABLE_MIN && untypable >= of_own / 4)
            .map(|(span, _)| (span, untypable));
        for row in rows(Table::MemberRef, budget)? {
            code.see_member(&tables, row);
        }
        for row in rows(Table::ImplMap, budget)? {
            if let Some(api) = api::by_name(tables.text(Table::ImplMap, row, 2)) {
                let span = tables.text_at(Table::ImplMap, row, 2);
                if let (Ok(start), Ok(end)) = (u32::try_from(span.start), u32::try_from(span.end)) {
                    code.native.insert(api, start, end);
                }
            }
        }
        for row in rows(Table::ModuleRef, budget)? {
            code.see_protector(tables.text(Table::ModuleRef, row, 0), tables.text_at(Table::ModuleRef, row, 0));
        }
        Ok(code)
    }

    fn see_type(&mut self, tables: &Tables<'_>, table: Table, row: u32) {
        // Attributes of protectors stand in both tables: some are the program's own, some a library's.
        for column in [1, 2] {
            self.see_protector(tables.text(table, row, column), tables.text_at(table, row, column));
        }
    }

    fn see_protector(&mut self, name: &[u8], span: Range<usize>) {
        if self.protector.is_some() || name.len() < 8 {
            return;
        }
        let known = PROTECTORS.iter().find(|(mark, _)| memmem::find(name, mark).is_some());
        self.protector = known.map(|(_, whose)| (span, *whose));
    }

    fn see_member(&mut self, tables: &Tables<'_>, row: u32) {
        // Of a type of another assembly: MemberRefParent has three bits that say of which table (II.24.2.6).
        let Some(parent) = tables.value(Table::MemberRef, row, 0).filter(|parent| parent & 7 == 1) else { return };
        let (type_name, name) = (tables.text(Table::TypeRef, parent >> 3, 1), tables.text(Table::MemberRef, row, 1));
        for member in MEMBERS.iter().filter(|member| member.type_name == type_name) {
            let is_named = member.name.is_empty() || name.starts_with(member.name);
            if is_named && (!member.takes_bytes || takes_bytes(tables.blob(Table::MemberRef, row, 2))) {
                self.calls[member.what as usize].get_or_insert_with(|| tables.text_at(Table::MemberRef, row, 1));
            }
        }
    }

    fn called(&self, what: Call) -> Option<Range<usize>> {
        self.calls[what as usize].clone()
    }

    /// Whether it calls what writes the registry.
    pub(crate) fn writes_registry(&self) -> Option<Range<usize>> {
        self.called(Call::WritesRegistry)
    }

    /// Reports what the metadata says.
    pub(crate) fn report(&self, findings: &mut Findings<'_>) {
        if let Some((span, whose)) = &self.protector {
            findings.saw_with(&signs::DOTNET_OBFUSCATOR, span.clone(), whose);
        }
        if let Some((span, count)) = &self.untypable {
            findings.saw_with(&signs::DOTNET_UNTYPABLE, span.clone(), format_args!("{count} types"));
        }
        let loads = self.called(Call::LoadsImage);
        if let Some(span) = &loads {
            findings.saw(&signs::DOTNET_LOADS_IMAGE, span.clone());
        }
        let reveals = self.called(Call::Unpacks).or(self.called(Call::Decrypts));
        if let Some((_, span)) = loads.zip(reveals) {
            findings.saw(&signs::DOTNET_REVEALS_IMAGE, span);
        }
        if let Some((_, span)) = self.called(Call::Downloads).zip(self.called(Call::Starts)) {
            findings.saw(&signs::DOTNET_DOWNLOAD_AND_EXECUTE, span);
        }
        if let Some(span) = self.called(Call::Unprotects) {
            findings.saw(&signs::DOTNET_UNPROTECTS, span);
        }
    }
}

/// Whether a method's signature begins its parameters with an array of bytes: calling convention, their number, what is
/// returned (a class, behind a token of up to four bytes), then SZARRAY of U1 (II.23.2.1, II.23.1.16).
fn takes_bytes(signature: &[u8]) -> bool {
    let Some([_convention, parameters, 0x12, rest @ ..]) = signature.get(..) else { return false };
    let token = match rest.first() {
        Some(first) if first & 0x80 == 0 => 1,
        Some(first) if first & 0xc0 == 0x80 => 2,
        _ => 4,
    };
    *parameters > 0 && rest.get(token..).is_some_and(|rest| rest.starts_with(&[0x1d, 0x05]))
}

/// Whether nobody types this name: a control character, or one of the private, format or invisible ones of Unicode.
fn is_untypable(name: &[u8]) -> bool {
    let Ok(name) = str::from_utf8(name) else { return !name.is_empty() };
    name.chars().any(|c| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{e000}'..='\u{f8ff}')
    })
}
