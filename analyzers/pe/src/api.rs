//! The functions of Windows whose import says something, by what they are good for.

/// Purpose of an imported function. Several functions may have the same purpose.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Api {
    AllocateRemote,
    WriteRemote,
    RunRemote,
    SetContext,
    ResumeThread,
    UnmapView,
    Keyboard,
    Download,
    Execute,
    CreateService,
    RegistryWrite,
    AntiDebug,
    Snapshot,
    WalkProcesses,
    AdjustToken,
    LookupPrivilege,
    LegacyCrypto,
    SocketStart,
    Socket,
    Connect,
    Send,
    Shares,
    BlitBits,
    DeviceContext,
    CompatibleBitmap,
    FindResource,
    LoadResource,
    WriteFile,
    TempPath,
    LoadLibrary,
    GetProcAddress,
}

impl Api {
    /// Number of APIs.
    pub(crate) const COUNT: usize = Api::GetProcAddress as usize + 1;
}

/// Names of functions, sorted by bytes, without the `A` or `W` of those that come in both.
const NAMES: &[(&str, Api)] = &[
    ("AdjustTokenPrivileges", Api::AdjustToken),
    ("BitBlt", Api::BlitBits),
    ("CheckRemoteDebuggerPresent", Api::AntiDebug),
    ("CreateCompatibleBitmap", Api::CompatibleBitmap),
    ("CreateProcessA", Api::Execute),
    ("CreateRemoteThread", Api::RunRemote),
    ("CreateRemoteThreadEx", Api::RunRemote),
    ("CreateService", Api::CreateService),
    ("CreateToolhelp32Snapshot", Api::Snapshot),
    ("CryptAcquireContextA", Api::LegacyCrypto),
    ("CryptEncrypt", Api::LegacyCrypto),
    ("CryptGenKey", Api::LegacyCrypto),
    ("CryptImportKey", Api::LegacyCrypto),
    ("DbgUiRemoteBreakin", Api::AntiDebug),
    ("FindResource", Api::FindResource),
    ("FindResourceEx", Api::FindResource),
    ("GetAsyncKeyState", Api::Keyboard),
    ("GetDC", Api::DeviceContext),
    ("GetKeyboardState", Api::Keyboard),
    ("GetProcAddress", Api::GetProcAddress),
    ("GetRawInputData", Api::Keyboard),
    ("GetTempPath", Api::TempPath),
    ("GetWindowDC", Api::DeviceContext),
    ("HttpOpenRequest", Api::Download),
    ("InternetOpenUrl", Api::Download),
    ("InternetReadFile", Api::Download),
    ("LoadLibrary", Api::LoadLibrary),
    ("LoadLibraryEx", Api::LoadLibrary),
    ("LoadResource", Api::LoadResource),
    ("LookupPrivilegeValue", Api::LookupPrivilege),
    ("NetShareEnum", Api::Shares),
    ("NtAllocateVirtualMemory", Api::AllocateRemote),
    ("NtCreateThreadEx", Api::RunRemote),
    ("NtQueryInformationProcess", Api::AntiDebug),
    ("NtQueueApcThread", Api::RunRemote),
    ("NtSetContextThread", Api::SetContext),
    ("NtSetInformationThread", Api::AntiDebug),
    ("NtUnmapViewOfSection", Api::UnmapView),
    ("NtWriteVirtualMemory", Api::WriteRemote),
    ("Process32First", Api::WalkProcesses),
    ("Process32Next", Api::WalkProcesses),
    ("QueueUserAPC", Api::RunRemote),
    ("RegSetValue", Api::RegistryWrite),
    ("RegSetValueEx", Api::RegistryWrite),
    ("RegisterRawInputDevices", Api::Keyboard),
    ("ResumeThread", Api::ResumeThread),
    ("RtlCreateUserThread", Api::RunRemote),
    ("SetThreadContext", Api::SetContext),
    ("SetWindowsHook", Api::Keyboard),
    ("SetWindowsHookEx", Api::Keyboard),
    ("ShellExecute", Api::Execute),
    ("ShellExecuteEx", Api::Execute),
    ("URLDownloadToCacheFile", Api::Download),
    ("URLDownloadToFile", Api::Download),
    ("VirtualAllocEx", Api::AllocateRemote),
    ("VirtualAllocExNuma", Api::AllocateRemote),
    ("WNetAddConnection2", Api::Shares),
    ("WNetEnumResource", Api::Shares),
    ("WNetOpenEnum", Api::Shares),
    ("WSASocket", Api::Socket),
    ("WSAStartup", Api::SocketStart),
    ("WinExec", Api::Execute),
    ("WinHttpOpenRequest", Api::Download),
    ("Wow64SetThreadContext", Api::SetContext),
    ("WriteFile", Api::WriteFile),
    ("WriteProcessMemory", Api::WriteRemote),
    ("ZwQueryInformationProcess", Api::AntiDebug),
    ("ZwSetInformationThread", Api::AntiDebug),
    ("ZwUnmapViewOfSection", Api::UnmapView),
    ("connect", Api::Connect),
    ("send", Api::Send),
    ("socket", Api::Socket),
];

/// The longest name in the table and the `A` or `W` after it.
pub(crate) const NAME_MAX: usize = 32;

/// Returns the purpose of a function by name.
pub(crate) fn by_name(name: &[u8]) -> Option<Api> {
    let find = |name: &[u8]| {
        NAMES
            .binary_search_by(|(known, _)| known.as_bytes().cmp(name))
            .ok()
            .and_then(|at| NAMES.get(at))
            .map(|row| row.1)
    };
    find(name).or_else(|| match name {
        [stem @ .., b'A' | b'W'] => find(stem),
        _ => None,
    })
}

/// The same, by the name in lower case.
pub(crate) fn by_lower_case(name: &[u8]) -> Option<Api> {
    NAMES.iter().find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name)).map(|row| row.1)
}

/// Returns the purpose of a function by library and ordinal, because old Winsock programs import by number.
pub(crate) fn by_ordinal(library: &[u8], ordinal: u16) -> Option<Api> {
    let winsock = ["ws2_32.dll", "wsock32.dll", "ws2_32", "wsock32"];
    if !winsock.iter().any(|name| library.eq_ignore_ascii_case(name.as_bytes())) {
        return None;
    }
    // The ordinals of WSOCK32.DLL, kept by WS2_32.DLL for these.
    match ordinal {
        4 => Some(Api::Connect),
        19 => Some(Api::Send),
        23 => Some(Api::Socket),
        115 => Some(Api::SocketStart),
        _ => None,
    }
}

/// Libraries that live in the kernel, besides all whose names end in `.sys`.
const KERNEL: [&str; 9] = [
    "ntoskrnl.exe",
    "ntkrnlpa.exe",
    "ntkrnlmp.exe",
    "hal.dll",
    "bootvid.dll",
    "ci.dll",
    "kdcom.dll",
    "pshed.dll",
    "securekernel.exe",
];

/// Whether a library lives in the kernel: programs and libraries for users cannot be loaded with it.
pub(crate) fn is_of_kernel(library: &[u8]) -> bool {
    let ends = library.len().checked_sub(4).and_then(|at| library.get(at..));
    ends.is_some_and(|end| end.eq_ignore_ascii_case(b".sys"))
        || KERNEL.iter().any(|name| library.eq_ignore_ascii_case(name.as_bytes()))
}

/// A set of [`Api`]s, with the place where each was first seen.
#[derive(Clone, Debug)]
pub(crate) struct ApiSet {
    seen: u64,
    places: [(u32, u32); Api::COUNT],
}

const _: () = assert!(Api::COUNT <= 64, "a set is one word");

impl Default for ApiSet {
    fn default() -> Self {
        ApiSet { seen: 0, places: [(0, 0); Api::COUNT] }
    }
}

impl ApiSet {
    /// Adds `api`, named at `start..end` of the file.
    pub(crate) fn insert(&mut self, api: Api, start: u32, end: u32) {
        if !self.has(api) {
            self.seen |= 1 << api as u64;
            self.places[api as usize] = (start, end);
        }
    }

    /// Both sets together.
    pub(crate) fn with(&self, other: &ApiSet) -> ApiSet {
        let mut both = self.clone();
        for ((place, other_place), api) in both.places.iter_mut().zip(other.places).zip(0..) {
            if self.seen >> api & 1 == 0 {
                *place = other_place;
            }
        }
        both.seen |= other.seen;
        both
    }

    pub(crate) fn has(&self, api: Api) -> bool {
        self.seen & (1 << api as u64) != 0
    }

    pub(crate) fn has_all(&self, apis: &[Api]) -> bool {
        apis.iter().all(|&api| self.has(api))
    }

    /// Returns the range in which `api` is named.
    pub(crate) fn span(&self, api: Api) -> std::ops::Range<usize> {
        let (start, end) = self.places[api as usize];
        start as usize..end as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_sorted_and_short_enough() {
        assert!(NAMES.is_sorted_by(|a, b| a.0.as_bytes() < b.0.as_bytes()));
        assert!(NAMES.iter().all(|(name, _)| name.len() < NAME_MAX));
    }

    #[test]
    fn both_widths_of_a_name_are_known_but_only_where_meant() {
        assert_eq!(by_name(b"URLDownloadToFileA"), Some(Api::Download));
        assert_eq!(by_name(b"URLDownloadToFileW"), Some(Api::Download));
        assert_eq!(by_name(b"CreateProcessA"), Some(Api::Execute));
        assert_eq!(by_name(b"CreateProcessW"), None);
        assert_eq!(by_name(b"IsDebuggerPresent"), None);
        assert_eq!(by_name(b""), None);
    }

    #[test]
    fn libraries_of_the_kernel_are_told_from_others() {
        for (library, expected) in
            [("ntoskrnl.exe", true), ("HAL.dll", true), ("NDIS.SYS", true), ("ntdll.dll", false), ("", false)]
        {
            assert_eq!(is_of_kernel(library.as_bytes()), expected, "{library}");
        }
    }

    #[test]
    fn winsock_ordinals_are_known_only_in_winsock() {
        assert_eq!(by_ordinal(b"WS2_32.dll", 115), Some(Api::SocketStart));
        assert_eq!(by_ordinal(b"MFC42.dll", 115), None);
    }
}
