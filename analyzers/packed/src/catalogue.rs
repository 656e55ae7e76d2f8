//! Every indicator of packed programs: what it means and where it is from.

analyzers::indicators! {
    OPENED = "packed.upx.opened", "A program is packed by UPX; it was unpacked, and what is inside was examined.",
        source: "UPX, the unpackers that its packed programs carry", attack: "T1027.002";
    ALTERED = "packed.upx.altered_marks", "A program is packed by UPX, and the marks that its own tool needs to unpack it were changed.",
        source: "Cozzi et al. 2018, Understanding Linux Malware, on packing", attack: "T1027.002";
    BROKEN = "packed.upx.broken", "A program is packed by UPX, and its packed blocks contradict themselves or end early.",
        source: "UPX, the unpackers that its packed programs carry", attack: "T1027.002";
}
