//! Every indicator of packed programs: what it means and where it is from.

analyzers::indicators! {
    OPENED = "packed.upx.opened", "A program is packed by UPX; it was unpacked, and what is inside was examined.",
        source: "UPX, the unpackers that its packed programs carry", attack: "T1027.002";
    ALTERED = "packed.upx.altered_marks", "A program is packed by UPX, and the marks that its own tool needs to unpack it were changed.",
        source: "Cozzi et al. 2018, Understanding Linux Malware, on packing", attack: "T1027.002";
    BROKEN = "packed.upx.broken", "A program is packed by UPX, and its packed blocks contradict themselves or end early.",
        source: "UPX, the unpackers that its packed programs carry", attack: "T1027.002";
    SCRIPT = "packed.autoit.script", "A program runs a compiled script of AutoIt; its text was had and examined.",
        source: "AutoIt 3.3, its interpreter and what its compiler makes", attack: "T1059.010";
    MACHINE_CODE = "packed.autoit.machine_code", "A script of AutoIt calls machine code at an address that it computes.",
        source: "AutoIt 3.3, DllCallAddress", attack: "T1620";
    HIDDEN_CALLS = "packed.autoit.hidden_calls", "A script of AutoIt makes a hundred and more calls of what variables hold, so that the names of the functions are not seen.",
        source: "AutoIt 3.3, Execute; MITRE ATT&CK, T1027.010 (Command Obfuscation)", attack: "T1027.010";
    HEX = "packed.autoit.hex_data", "A script of AutoIt has strings of 200 and more hexadecimal digits: machine code or data that it brings.",
        source: "MITRE ATT&CK, T1027.009 (Embedded Payloads)", attack: "T1027.009";
}
