//! Parts of a set that a file does not need are not run, and no hit is missed by that.

use analyzers::{Cancel, Limits};
use analyzers_yara::{Library, Yara};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use specimens::pe::PeBuilder;

use crate::{examine, hits, library};

/// Enough rules for a set to be divided.
const RULES: usize = 1_500;

/// What strings of rules and files are made of: common and rare, short and long, printable and not.
const WORDS: [&str; 24] = [
    "evil",
    "Kernel32.dll",
    "VirtualAllocEx",
    "abcde",
    "abcdef",
    "the quick brown fox",
    "http://example.com/gate.php",
    "SSSS",
    "zzzzzzzz",
    "Global\\\\OneInstanceOnly",
    "\\x00\\x01\\x02\\x03\\x04\\x05",
    "\\x90\\x90\\x90\\x90\\x90\\x90",
    "cmd.exe /c del",
    "SeDebugPrivilege",
    "%s\\\\%d.tmp",
    "Mozilla/5.0 (compatible)",
    "aaaaAAAAaaaa",
    "-----BEGIN",
    "ServiceMain",
    "\\xff\\xfe\\xfd\\xfc\\xfb",
    "PK",
    "user=%s&pass=%s",
    "0123456789",
    "ReflectiveLoader",
];

/// Words that mean themselves in an expression.
const PLAIN_WORDS: [&str; 8] =
    ["evil", "VirtualAllocEx", "abcde", "abcdef", "the quick brown fox", "SSSS", "zzzzzzzz", "ReflectiveLoader"];

/// The same numbers on every machine.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    pub(crate) fn of<'t>(&mut self, some: &[&'t str]) -> &'t str {
        some[self.below(some.len())]
    }
}

/// An expression that matches `word`, or a file in which it stands with other bytes.
fn expression(word: &str, numbers: &mut Numbers) -> String {
    let (start, end) = word.split_at(numbers.below(word.len()));
    let case = if numbers.below(2) == 0 { "" } else { "i" };
    match numbers.below(7) {
        0 => format!("/{word}[0-9]{{0,3}}/{case}"),
        1 => format!("/{start}({end}|[e-z]+){{1,2}}/"),
        2 => format!("/({word}|abcde|PK[a-f])0{{,3}}/{case}"),
        3 => format!("/\\b{start}[{first}x]?{end}/{case}", first = &word[..1]),
        4 => format!("/{start}.{{0,4}}{end}0+/s"),
        5 => format!("/({start}|zz){{2,3}}{end}.?/{case}"),
        _ => format!("/{start}[^q]{rest}/{case}", rest = end.get(1..).unwrap_or_default()),
    }
}

/// The same in hexadecimal, with bytes that may be others.
fn hexadecimal(word: &str, numbers: &mut Numbers) -> String {
    let bytes: Vec<String> = word
        .bytes()
        .map(|byte| match numbers.below(9) {
            0 => "??".to_owned(),
            1 => format!("{:x}?", byte >> 4),
            2 => format!("?{:x}", byte & 0xf),
            3 => format!("( {byte:02x} | 30 31 | {byte:02x} 00 )"),
            4 => format!("( {byte:02x} | 4? )"),
            5 => format!("{byte:02x} [0-2]"),
            6 if byte != b'e' => "~65".to_owned(),
            _ => format!("{byte:02x}"),
        })
        .collect();
    let first = word.bytes().next().map_or(0, |byte| byte);
    format!("{{ {first:02x} {} [0-3] {first:02x} }}", bytes[1..].join(" ")).replace("] [0-3]", "] ?? [0-3]")
}

fn pattern(numbers: &mut Numbers) -> String {
    let word = numbers.of(&WORDS);
    let plain = PLAIN_WORDS[numbers.below(PLAIN_WORDS.len())];
    let modifiers = [
        "",
        "nocase",
        "wide",
        "wide ascii nocase",
        "fullword",
        "xor",
        "xor(1-255) wide ascii",
        "xor(32)",
        "ascii",
        "base64",
        "base64wide",
        "base64 base64wide wide ascii",
    ];
    match numbers.below(8) {
        0 | 1 => expression(plain, numbers) + numbers.of(&["", " wide", " wide ascii", " nocase", " fullword"]),
        2 => hexadecimal(plain, numbers),
        _ => format!("\"{word}\" {}", numbers.of(&modifiers)),
    }
}

fn condition(numbers: &mut Numbers, depth: usize) -> String {
    let inner = |numbers: &mut Numbers| format!("({})", condition(numbers, depth + 1));
    match numbers.below(if depth > 2 { 20 } else { 23 }) {
        0 => "$a".into(),
        1 => "$b and not $c".into(),
        2 => "#a > 1".into(),
        3 => "2 of them".into(),
        4 => "any of ($a, $b)".into(),
        5 => format!("filesize < {} and $c", 200 * numbers.below(20)),
        6 => "@b < 400".into(),
        7 => "for any i in (1..#a) : (@a[i] > 10 and $b)".into(),
        8 => "$a at 0 or $c in (0..300)".into(),
        9 => format!("pe.exports(\"{}\")", numbers.of(&["Run", "SSSS", "runmain", "ServiceMain"])),
        10 => "for any s in pe.signatures : (s.subject contains \"a\")".into(),
        11 => format!("pe.imphash() == \"{}\"", numbers.of(&["HASH0", "HASH1", "d41d8cd98f00b204e9800998ecf8427e"])),
        12 => format!("$a in (filesize - {}..filesize) or $b at 2", 8 + numbers.below(40)),
        13 => "any of ($a, $b) in (0..40)".into(),
        14 => format!("uint16({}) == 0x4b50 and ($a or $b)", 2 * numbers.below(4)),
        15 => "uint16be(0) == 0x4d5a and not $a".into(),
        16 => "$c at pe.entry_point or $b at pe.overlay.offset".into(),
        17 => "$a and pe.section_index(\".text\") >= 0".into(),
        18 => numbers.of(&["#a > #b + #c", "#a + #b >= 2", "#b + #c > 0"]).into(),
        19 => "#d > #e".into(),
        20 => format!("{} and {}", inner(numbers), inner(numbers)),
        21 => format!("{} or {}", inner(numbers), inner(numbers)),
        _ => format!("uint16(0) == 0x5a4d and {}", inner(numbers)),
    }
}

fn rules(hashes: &[String; 2]) -> Vec<String> {
    let mut numbers = Numbers(1);
    let rule = |number| {
        let [a, b, c] = [(); 3].map(|()| pattern(&mut numbers));
        let condition = condition(&mut numbers, 0).replace("HASH0", &hashes[0]).replace("HASH1", &hashes[1]);
        // A pattern that nothing uses is a mistake.
        let used = format!("({condition}) or (filesize == 1 and ($a or $b or $c or $d or $e))");
        let word = numbers.of(&WORDS);
        let keyed = format!("$d = \"{word}\" xor $e = \"{word}\" ascii");
        let import = if number == 0 { "import \"pe\"\n" } else { "" };
        format!("{import}rule r{number} {{ strings: $a = {a} $b = {b} $c = {c} {keyed} condition: {used} }}\n")
    };
    (0..RULES).map(rule).collect()
}

/// Programs with and without what rules ask of programs.
fn programs() -> [PeBuilder; 4] {
    let plain = || specimens::pe::pe().import("KERNEL32.dll", &["VirtualAlloc", "CreateFileW"]);
    [
        plain(),
        plain().import("ws2_32.DLL", &["send"]).export("Run").export("SSSS").dll(),
        plain().signed().export("ServiceMain").export("Other").dll(),
        specimens::pe::pe().plus().import("user32.dll", &["MessageBoxA"]).export("RUNMAIN").dll(),
    ]
}

/// The hash of a program's imports, digit by digit as yara-x tells it.
fn import_hash(program: &[u8]) -> String {
    let mut compiler = yara_x::Compiler::new();
    let digits = "0123456789abcdef";
    let rules: String = (0..32)
        .flat_map(|at| digits.chars().map(move |digit| (at, digit)))
        .map(|(at, digit)| format!("rule d{at:02}{digit} {{ condition: pe.imphash() matches /^.{{{at}}}{digit}/ }}\n"))
        .collect();
    compiler.add_source(format!("import \"pe\"\n{rules}").as_str()).unwrap();
    let rules = compiler.build();
    let mut scanner = yara_x::Scanner::new(&rules);
    let results = scanner.scan(program).unwrap();
    let mut found: Vec<String> = results.matching_rules().map(|rule| rule.identifier().to_owned()).collect();
    found.sort();
    found.iter().filter_map(|name| name.chars().last()).collect()
}

/// The names of rules that are true of a file for yara-x.
pub(crate) fn whole(rules: &yara_x::Rules, bytes: &[u8]) -> Vec<String> {
    let mut scanner = yara_x::Scanner::new(rules);
    let results = scanner.scan(bytes).unwrap();
    let mut hits: Vec<_> =
        results.matching_rules().map(|rule| format!("yara.any.made.{}", rule.identifier())).collect();
    hits.sort();
    hits
}

/// Some words one behind the other, at odd and even places, in either case, wide, encoded or with a key.
fn words(numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..numbers.below(12) {
        let word = unescaped(numbers.of(&WORDS));
        let word = if numbers.below(3) == 0 { word.to_ascii_uppercase() } else { word };
        let wide = |word: Vec<u8>| word.iter().flat_map(|&byte| [byte, 0]).collect::<Vec<u8>>();
        let word = if numbers.below(3) == 0 { wide(word) } else { word };
        match numbers.below(8) {
            0 => {
                let key = u8::try_from(numbers.below(256)).unwrap();
                bytes.extend(word.iter().map(|byte| byte ^ key));
            }
            1 | 2 => {
                let encoded = STANDARD.encode([&b"xyz"[..numbers.below(4)], &word, b"0"].concat()).into_bytes();
                bytes.extend(if numbers.below(2) == 0 { wide(encoded) } else { encoded });
            }
            3 => {
                // With a byte that does not belong there.
                let at = numbers.below(word.len());
                bytes.extend([&word[..at], b"0", &word[at..]].concat());
            }
            _ => bytes.extend(word),
        }
        bytes.resize(bytes.len() + numbers.below(4), b'0');
    }
    bytes
}

fn unescaped(word: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), word);
    while let Some((before, behind)) = rest.split_once('\\') {
        bytes.extend(before.bytes());
        if let Some(hex) = behind.strip_prefix('x') {
            bytes.push(u8::from_str_radix(&hex[..2], 16).unwrap());
            rest = &hex[2..];
        } else {
            bytes.push(b'\\');
            rest = &behind[1..];
        }
    }
    bytes.extend(rest.bytes());
    bytes
}

fn made() -> (Library, yara_x::Rules) {
    let [first, second, ..] = programs();
    let rules = rules(&[first, second].map(|program| import_hash(&program.build())));
    let mut compiler = yara_x::Compiler::new();
    compiler.relaxed_re_syntax(true);
    // Some of them yara-x refuses: what a word and its modifiers make may be too short, or match too much.
    let accepted: Vec<&str> =
        rules.iter().map(String::as_str).filter(|rule| compiler.add_source(*rule).is_ok()).collect();
    assert!(accepted.len() > RULES * 9 / 10, "{} rules", accepted.len());
    (library(&[("any/made.yar", &accepted.concat())]), compiler.build())
}

#[test]
fn divided_sets_hit_as_the_whole_does() {
    let (library, rules) = made();
    let mut yara = Yara::new(&library);
    let mut numbers = Numbers(2);
    let (mut files, mut all, mut different) = (0, 0, std::collections::BTreeSet::new());
    let hosts: Vec<Vec<u8>> = programs().into_iter().map(PeBuilder::build).chain([vec![], b"MZ".to_vec()]).collect();
    for round in 0..60 {
        for host in &hosts {
            let bytes = [host.clone(), words(&mut numbers)].concat();
            let limits = Limits { evidence_max: 100_000, ..Limits::default() };
            let record = examine(&mut yara, &bytes, limits, Cancel::default());
            assert!(record.incomplete.is_empty() && record.budget.hit().count() == 0);
            let mut split: Vec<String> =
                record.evidence.iter().map(|evidence| evidence.indicator.to_string()).collect();
            split.sort();
            assert_eq!(split, whole(&rules, &bytes), "round {round}: {}", bytes.escape_ascii());
            (files, all) = (files + 1, all + split.len());
            different.extend(split);
        }
    }
    assert!(all > 40 * files && different.len() > RULES / 3, "{files} files, {all} hits of {} rules", different.len());
}

#[test]
fn what_a_program_exports_and_imports_is_asked() {
    let programs = programs().map(PeBuilder::build);
    let ask = format!(
        "import \"pe\"\nrule run {{ condition: pe.exports(\"Run\") }}\nrule signed {{ condition: for any s in pe.signatures : (s.subject != \"\") }}\n\
         rule first {{ condition: pe.imphash() == \"{}\" }}\n",
        import_hash(&programs[0])
    );
    let filler: String = (0..RULES)
        .map(|number| format!("rule f{number} {{ strings: $a = \"something rare {number}\" condition: $a }}\n"))
        .collect();
    let library = library(&[("any/asks.yar", &ask), ("any/filler.yar", &filler)]);
    let hit = |program: &[u8]| -> Vec<String> {
        hits(&library, program).iter().map(|id| id.rsplit('.').next().unwrap().to_owned()).collect()
    };
    assert_eq!(hit(&programs[0]), ["first"]);
    assert_eq!(hit(&programs[1]), ["run"]);
    // What stands in the place of its signature is none for yara-x.
    assert_eq!(hit(&programs[2]), ["first"]);
    assert_eq!(hit(&programs[3]), [""; 0]);
    assert_eq!(hit(b"something rare 77 and something rare 7"), ["f7", "f77"]);
}

/// A process that may load nothing more says what it lacks; another that has it needs nothing else.
#[test]
fn parts_that_few_files_need_are_loaded_when_they_are_needed() {
    let filler: String = (0..RULES)
        .map(|number| format!("rule f{number} {{ strings: $a = \"something rare {number}\" condition: $a }}\n"))
        .collect();
    // Nothing can be looked for in its place.
    let always = "rule short { strings: $a = /[a-c]{3}/ condition: $a }";
    let files = [("any/filler.yar", filler.as_str()), ("any/short.yar", always)];
    let file = b"abc and something rare 77";
    let lacking = library(&files);
    lacking.load(&lacking.parts_needed(file, triage::triage(file))).unwrap();
    let mut needed = lacking.loaded();
    lacking.stop_loading();
    let mut yara = Yara::new(&lacking);
    yara.rehearse();
    let common = examine(&mut yara, b"abc alone", Limits::default(), Cancel::default());
    assert_eq!((common.evidence.len(), common.incomplete.len(), lacking.missing().is_empty()), (1, 0, true));
    let rare = examine(&mut yara, file, Limits::default(), Cancel::default());
    assert_eq!((rare.evidence.len(), rare.incomplete.is_empty()), (0, false));
    let missing = lacking.missing();
    assert!(!missing.is_empty());
    needed.extend(missing.iter());
    let other = library(&files);
    other.load(&needed).unwrap();
    assert!(other.loaded() == needed && needed.len() < other.all().len(), "only what is needed is loaded");
    other.stop_loading();
    let mut ids = hits(&other, file);
    ids.sort();
    assert_eq!(ids, ["yara.any.filler.f7", "yara.any.filler.f77", "yara.any.short.short"]);
    assert!(other.missing().is_empty());
}

/// Rules of which a part would be missed if what stands in a file were proven wrongly, each with a file of which it is true.
#[test]
fn what_is_easily_misread_is_found() {
    let wide = |text: &str| text.bytes().flat_map(|byte| [byte, 0]).collect::<Vec<u8>>();
    let cases: [(&str, Vec<u8>); 16] = [
        ("/aXa[0-9]/", b"aXaXa5".to_vec()),
        ("{ AB CD AB [0-1] EF }", b"\xab\xcd\xab\xcd\xab\xef".to_vec()),
        ("{ 8B 45 08 8B ?? 0C }", b"\x8b\x45\x08\x8b\x45\x08\x8b\x4d\x0c".to_vec()),
        (r"/evil\<code/", b"evil<code".to_vec()),
        (r"/evil\>code/ wide", wide("evil>code")),
        ("/abcd.+/s wide", wide("abcd")),
        ("/abcd.+efgh/s wide", [wide("abcd"), b"X".to_vec(), wide("efgh")].concat()),
        ("/abcd.{10,300}efgh/s wide", [wide("abcd"), b"XXXXXXXXXX".to_vec(), wide("efgh")].concat()),
        (r"/abcdef[^{,\x00-\x2f\x32-\xff]/", b"abcdef0".to_vec()),
        ("/abcd.+/s", b"abcde".to_vec()),
        ("/sh.PK/s", b"sh\nPK".to_vec()),
        ("/evil.code/s", b"evil\ncode".to_vec()),
        // In these yara-x reads more than is written.
        ("/ab.{2}cdef/", b"ab\nXcdef".to_vec()),
        ("/Qx[0125]yZ/", b"Qx4yZ".to_vec()),
        ("{ 41 42 ( 88 | 89 | 8B | 8D ) 43 44 45 }", b"AB\x8cCDE".to_vec()),
        ("/QZ[ab&&Ab]XY/i", b"QZaXY".to_vec()),
    ];
    let filler: String = (0..RULES)
        .map(|number| format!("rule f{number} {{ strings: $a = \"something rare {number}\" condition: $a }}\n"))
        .collect();
    for (pattern, file) in cases {
        let rule = format!("rule r {{ strings: $a = {pattern} condition: $a }}\n");
        let library = library(&[("any/one.yar", &rule), ("any/filler.yar", &filler)]);
        assert_eq!(hits(&library, &file), ["yara.any.one.r"], "{pattern}");
    }
}
