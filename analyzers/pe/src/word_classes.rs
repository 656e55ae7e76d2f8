//! Words in the text of an image, counted by class. The search that finds signs finds them too.

use analyzers::Measure;
use analyzers::text::{word_class as class, words_of};

/// Most that the words of one class count: more of the same says nothing new.
pub(crate) const COUNT_MAX: u32 = 300;

/// Words by class.
pub(crate) static CLASSES: &[(Measure, &str)] = &[
    (class("words.urls", "Addresses of the web."), "//:ptth|//:sptth"),
    (class("words.registry_roots", "Roots of the registry."), "_yekh|\\mlkh|\\uckh"),
    (class("words.run_keys", "Keys whose programs are run at every start."), "nur\\noisrevtnerruc"),
    (
        class("words.winlogon", "Keys that change how users log in and programs start."),
        "nogolniw\\|noitucexe elif egami|slld_tinippa|\\seicilop\\",
    ),
    (class("words.paths", "Paths with a drive."), "\\:c|\\:d"),
    (class("words.user_paths", "Paths of a user's folder."), "\\sresu\\:|sgnittes dna stnemucod"),
    (class("words.pdb", "Names of debug files."), "bdp."),
    (class("words.commands", "Command lines of `cmd`."), "c/ dmc|c/ exe.dmc|k/ dmc|k/ exe.dmc"),
    (class("words.cmd_exe", "The command interpreter."), "exe.dmc"),
    (class("words.powershell", "PowerShell."), "llehsrewop"),
    (class("words.script_hosts", "Script hosts."), "tpircsw|tpircsc|sbv.|athsm"),
    (class("words.tasks", "Scheduled tasks."), "sksathcs|exe.ta"),
    (class("words.backups", "Programs that delete backups."), "nimdassv|ypocwodahs|tidedcb|nimdabw"),
    (class("words.firewall", "The firewall."), " hsten|llawerif"),
    (class("words.kill", "Programs that end others."), "llikksat|llikst"),
    (class("words.rundll", "Programs that run libraries."), "23lldnur|23rvsger"),
    (class("words.system_processes", "Processes of the system."), "tsohcvs|ssasl|exe.rerolpxe|exe.nogolniw|ssrsc"),
    (
        class("words.temporary_folders", "Folders for temporary files and settings."),
        "%pmet%|%atadppa%|\\atadppa\\|%ridniw%|\\pmet\\",
    ),
    (
        class("words.batch_delete", "Batch files, and commands that delete."),
        "f/ led|q/ led|s/ led|tab.|+ birtta|taeper:|c/ eciohc",
    ),
    (class("words.user_agents", "Names of browsers in requests."), "4/allizom|5/allizom|tnega-resu"),
    (class("words.http", "Words of HTTP."), "/ teg|/ tsop|.1/ptth|:epyt-tnetnoc|htgnel-tnetnoc"),
    (class("words.irc", "Words of IRC."), "gsmvirp| kcin|# nioj"),
    (class("words.onion", "Hidden services."), "noino.|bew2rot|tcejorprot"),
    (class("words.coins", "Coins and wallets."), "nioctib|orenom|tellaw|ctb"),
    (class("words.ransom", "Words of ransom notes."), "selif ruoy|detpyrcne|tpyrced|mosnar|dekcol.|txt.emdaer"),
    (class("words.passwords", "Passwords."), "drowssap|dwssap|laitnederc"),
    (
        class("words.browser_files", "Files of browsers."),
        "emorhc\\elgoog|xoferif\\allizom|arepo|nosj.snigol|atad nigol|seikooc",
    ),
    (
        class("words.protection", "Names of protection."),
        "yksrepsak|tsava|ariva|notron|eefacm|rednefedtib|23don|efas063|yart063|setyberawlam|rednefed|bewrd|sohpos|cetnamys",
    ),
    (
        class("words.analysis", "Names of virtual machines and analysis tools."),
        "erawmv|xoblautriv|xobv|xobdnas|krahseriw|gbdyllo|nomcorp|lldeibs|umeq|gbd46x|qadi",
    ),
    (class("words.key_names", "Names of keys."), "golyek|]retne[|]lrtc[|]ecapskcab[|kcolspac"),
    (
        class("words.attack_words", "Words of attacks."),
        "tentob|doolf|sodd|relaets|roodkcab|najort|kcah|kcarc|tcejni|daolyap|tiolpxe|edocllehs",
    ),
    (class("words.object_names", "Names of shared objects."), "\\labolg|\\lacol"),
    (class("words.mutex", "Mutexes."), "xetum"),
    (class("words.autorun", "Files that start programs from disks."), "fni.nurotua|=etucexellehs|]nurotua["),
    (
        class("words.messengers", "Mail, messengers and file sharing."),
        "aazak|elume|eriwemil|qci|ptms|morf liam|ot tpcr",
    ),
    (class("words.alphabet", "The alphabet."), "zyxwvutsrqponmlkjihgfedcba"),
    (class("words.dos_stub", "Texts of MS-DOS stubs."), "tonnac margorp siht|tsum margorp siht"),
    (class("words.copyright", "Copyright and licences."), "thgirypoc|devreser sthgir lla|esnecil|ecnecil"),
    (class("words.usage", "Help on command lines."), ":egasu|pleh--|noisrev--|noitpo dilavni|]snoitpo["),
    (class("words.errors", "Words of error messages."), "rorre|deliaf|gninraw|tressa|noitpecxe|dilavni"),
    (class("words.formats", "Format strings."), "s%|d%|u%|x%|ul%|dl%|x80%|x20%"),
    (class("words.source_files", "Names of source files."), "ppc.|:c.|pph.|sr.|og.|sap.|yp."),
    (class("words.type_names", "Mangled names of C++."), "va?.|ua?.|nz_|_??"),
    (class("words.delphi", "Run time of Delphi."), "dnalrob\\erawtfos|tcejbot|mroft|thgirypoc snoitrop|mmtsaf"),
    (class("words.visual_basic", "Run time of Visual Basic."), "!5bv|mvbvsm|abv__"),
    (class("words.go", "Run time of Go."), "og.emitnur|dliub og|bati.og"),
    (class("words.rust", "Run time of Rust."), "ograc|ctsur|ta dekcinap"),
    (class("words.autoit", "AutoIt."), "!3ua|tiotua"),
    (class("words.nsis", "The installer NSIS."), "tfosllun"),
    (class("words.inno", "The installer Inno Setup."), "putes onni"),
    (class("words.installers", "Installers."), "dleihsllatsni|exe.putes|llatsninu|llatsni esiw|rellatsni"),
    (class("words.upx", "The packer UPX."), "0xpu|1xpu|!xpu"),
    (
        class("words.packers", "Other packers."),
        "kcapsa|tcapmocep|adimeht|tcetorpmv|sserpm|etitep|!gsf|amgine|kcapsn|yhcnurkk|kcapu",
    ),
    (class("words.pyinstaller", "The bundler PyInstaller."), "-iyp|ssapiem_|-zyp"),
    (class("words.wine", "Wine."), "nitliub eniw|redlohecalp eniw|_eniw__"),
    (class("words.mingw", "The compiler MinGW."), "wgnim|( :ccg"),
    (class("words.xml", "XML of manifests."), "lmx?<|ylbmessa<|levelnoitucexedetseuqer"),
    (class("words.administrator", "The wish to be administrator."), "rotartsinimdaeriuqer"),
    (class("words.invoker", "The wish to run as the caller."), "rekovnisa"),
    (class("words.sql", "SQL."), " tceles|otni tresni"),
    (
        class("words.authorities", "Certificate authorities."),
        "trecigid|ngisirev|ssalc cetnamys|etwaht|ngislabolg|ogitces|odomoc|gningis edoc tfosorcim|tsurtne",
    ),
    (class("words.exe", "Names of programs."), "exe."),
    (class("words.dll", "Names of libraries."), "lld."),
    (class("words.sys", "Names of drivers."), "sys."),
    (class("words.data_files", "Names of data files."), "pmt.|tad.|gol.|ini."),
    (class("words.documents", "Names of documents."), "cod.|slx.|gpj.|fdp."),
    (
        class("words.injection_functions", "Names of functions that reach into other processes."),
        "collalautriv|yromemssecorpetirw|daerhtetomeretaerc|noitcesfoweivpamnutn|noitcesfoweivpamnuwz",
    ),
    (
        class("words.download_functions", "Names of functions that fetch and start programs."),
        "elifotdaolnwodlru|cexeniw|etucexellehs|nepotenretni",
    ),
    (
        class("words.debugger_functions", "Names of functions that notice a debugger."),
        "tneserpreggubedsi|tohspans23plehlootetaerc",
    ),
    (
        class("words.lookup_functions", "Names of functions that look up functions."),
        "yrarbildaol|sserddacorpteg|tcetorplautriv",
    ),
];

/// All words, each with the index of its class.
pub(crate) fn words() -> impl Iterator<Item = (usize, Vec<u8>)> {
    words_of(CLASSES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_in_lower_case_and_long_enough_to_mean_something() {
        for (_, word) in words() {
            assert!(word.len() >= 2 && word.iter().all(|byte| (b' '..=b'~').contains(byte)), "{word:?}");
            assert_eq!(word, word.to_ascii_lowercase());
        }
    }
}
