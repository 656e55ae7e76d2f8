//! What an interpreter imports is not held against the script that is bound to it.

use specimens::pe::{CODE, CONSTANTS, PeBuilder, pe};

use super::{check_not_seen, check_seen, examine, ids};

const AUTOIT: &str = "WSOCK32.dll VERSION.dll WINMM.dll COMCTL32.dll MPR.dll WININET.dll PSAPI.DLL IPHLPAPI.DLL USERENV.dll \
    UxTheme.dll KERNEL32.dll USER32.dll GDI32.dll COMDLG32.dll ADVAPI32.dll SHELL32.dll ole32.dll \
    OLEAUT32.dll";
const AUTOHOTKEY: &str = "KERNEL32.dll USER32.dll GDI32.dll COMDLG32.dll ADVAPI32.dll SHELL32.dll ole32.dll OLEAUT32.dll \
    WSOCK32.dll WINMM.dll VERSION.dll COMCTL32.dll";
const INNO: &str = "oleaut32.dll advapi32.dll user32.dll kernel32.dll gdi32.dll version.dll mpr.dll comctl32.dll ole32.dll \
    shell32.dll comdlg32.dll";
const SIGN: &str = "pe.import.interpreter";
const DOWNLOADER: &str = "pe.import.downloader";

fn names(libraries: &'static str) -> Vec<&'static str> {
    libraries.split(' ').collect()
}

/// AutoIt 3.3.14, as far as it is told by.
pub(super) fn autoit() -> PeBuilder {
    program(&names(AUTOIT), 525)
}

/// A program with these libraries and this many functions, which downloads and writes the registry.
fn program(libraries: &[&str], functions: usize) -> PeBuilder {
    let others: Vec<String> = (0..functions - libraries.len()).map(|number| format!("Function{number}")).collect();
    let others: Vec<&str> = others.iter().map(String::as_str).collect();
    let program = pe().section(".text", CODE, [0xc3; 64]);
    libraries.iter().enumerate().fold(program, |program, (number, library)| {
        let first = [*["InternetReadFile", "", "RegSetValueExW"].get(number).unwrap_or(&"Release")];
        program.import(library, if number == 1 { &others } else { &first })
    })
}

#[test]
fn interpreters_are_told_by_all_that_they_import() {
    for (libraries, functions) in [(AUTOIT, 525), (AUTOHOTKEY, 410), (INNO, 425)] {
        let forwards = names(libraries);
        let backwards: Vec<&str> = forwards.iter().copied().rev().collect();
        for libraries in [&forwards, &backwards] {
            for program in [program(libraries, functions), program(libraries, functions).plus()] {
                let bytes = program.build();
                let (record, _) = examine(&bytes);
                let mut of_imports = ids(&record);
                of_imports.retain(|id| id.starts_with("pe.import."));
                assert_eq!(of_imports, [SIGN]);
            }
        }
    }
}

#[test]
fn a_library_that_is_listed_twice_counts_once() {
    let twice = [names(INNO), vec!["KERNEL32.DLL", "advapi32.dll", "user32.dll"]].concat();
    check_seen(&program(&twice, 425).build(), SIGN);
}

#[test]
fn what_imports_other_libraries_or_fewer_functions_is_none() {
    let autoit = names(AUTOIT);
    let mut others = autoit.clone();
    others[5] = "URLMON.dll";
    let more = [&autoit[..], &["WINHTTP.dll"]].concat();
    let one_twice = [&autoit[..17], &["WSOCK32.dll"]].concat();
    for program in [
        program(&autoit, 300),
        program(&autoit[..17], 525),
        program(&others, 525),
        program(&more, 525),
        program(&one_twice, 525),
    ] {
        let bytes = program.build();
        check_not_seen(&bytes, SIGN);
        check_seen(&bytes, DOWNLOADER);
    }
}

#[test]
fn what_an_interpreter_finds_at_run_time_is_as_little_its_scripts() {
    let words = "NtCreateThreadEx\0Software\\Microsoft\\Windows\\CurrentVersion\\Run\0";
    for (functions, is_told) in [(525, false), (300, true)] {
        let image = program(&names(AUTOIT), functions).section(".rdata", CONSTANTS, words).build();
        let (record, _) = examine(&image);
        for id in ["pe.string.injection_apis", "pe.file.run_key_written"] {
            assert_eq!(ids(&record).contains(&id), is_told, "{id}: {:?}", ids(&record));
        }
        assert!(ids(&record).contains(&"pe.string.run_key"));
    }
}
