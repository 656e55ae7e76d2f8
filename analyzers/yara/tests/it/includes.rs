//! Files that include others.

use analyzers_yara::{Severity, Source, compile};

use crate::{hits, left, library, mistakes};

#[test]
fn included_files_lend_what_is_named_and_report_once() {
    let common = "import \"pe\"\nprivate rule evil { strings: $a = \"evil\" condition: $a }\n\
                  rule common { condition: evil and not pe.is_pe }";
    let sources = [
        ("any/index.yar", "include \"./one.yar\"\ninclude \"lib/common.rules\"\ninclude \"two.yar\"\n"),
        ("any/lib/common.rules", common),
        ("any/one.yar", "include \"lib/common.rules\"\nrule one { condition: evil and filesize < 100 }"),
        // Names what only the index has brought beside it.
        ("any/two.yar", "rule two { condition: common }"),
    ];
    for (name, text) in sources {
        let all: Vec<_> = sources.iter().map(|(name, text)| Source::new(name, text.as_bytes())).collect();
        assert_eq!(compile(&all).unwrap().mistakes, [], "{name}: {text}");
    }
    let library = library(&sources);
    let ids = ["yara.any.lib.common.common", "yara.any.one.one", "yara.any.two.two"];
    assert_eq!(library.rules().iter().map(|rule| rule.id.as_str()).collect::<Vec<_>>(), ids);
    assert_eq!(library.rules().get(1).unwrap().line, 2);
    assert_eq!(hits(&library, b"evil"), ids);
    assert_eq!(hits(&library, b"good"), [""; 0]);
}

#[test]
fn a_global_rule_holds_for_what_includes_it_and_for_what_is_included_beside_it() {
    let global = "global private rule small { condition: filesize < 8 }";
    let library = library(&[
        ("a.yar", "include \"global.yar\"\nrule a { condition: true }"),
        ("b.yar", "rule b { condition: true }"),
        ("c.yar", "rule c { condition: true }"),
        ("global.yar", global),
        ("index.yar", "include \"global.yar\"\ninclude \"b.yar\""),
    ]);
    assert_eq!(hits(&library, b"small"), ["yara.a.a", "yara.b.b", "yara.c.c"]);
    assert_eq!(hits(&library, b"not so small"), ["yara.c.c"]);
}

#[test]
fn includes_go_in_circles_and_nowhere_else() {
    let sources = [
        ("a.yar", "include \"b.yar\"\nrule a { condition: b }"),
        ("b.yar", "include \"a.yar\"\ninclude \"b.yar\"\nrule b { condition: true }"),
    ];
    assert_eq!(left(&sources), ["yara.a.a", "yara.b.b"]);
    for (wanted, says) in [
        ("../secret.yar", "is outside of the rules directory"),
        ("/etc/passwd", "is outside of the rules directory"),
        ("missing.yar", "there is no usable file `missing.yar`"),
    ] {
        let found = mistakes("x.yar", format!("include \"{wanted}\"\nrule a {{ condition: filesize > 1 }}").as_bytes());
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].code == "include" && found[0].line == 1 && found[0].message.contains(says), "{found:?}");
    }
}

#[test]
fn a_mistake_in_an_included_file_is_told_there_and_once() {
    let sources = [
        ("a.yar", "include \"b.yar\"\nrule a { condition: good or bad }"),
        ("b.yar", "rule good { condition: true }\nrule bad {\n  condition: nothing == 1 }"),
    ];
    let all: Vec<_> = sources.iter().map(|(name, text)| Source::new(name, text.as_bytes())).collect();
    let found = compile(&all).unwrap().mistakes;
    let errors: Vec<_> = found
        .iter()
        .filter(|mistake| mistake.severity == Severity::Error)
        .map(|mistake| (mistake.file.as_str(), mistake.line))
        .collect();
    assert_eq!(errors, [("a.yar", 2), ("b.yar", 3)]);
}

#[test]
fn an_include_is_told_and_nothing_of_the_file_is_quoted() {
    let found = mistakes("any/a.yar", b"include \"/etc/passwd\"\nrule a { condition: filesize > 1 }");
    assert_eq!(found.iter().map(|mistake| (mistake.line, mistake.code.as_str())).collect::<Vec<_>>(), [(1, "include")]);
    assert!(!found[0].rendered.contains("root"), "{}", found[0].rendered);
    assert_eq!(left(&[("any/a.yar", "include \"x\"\nrule a { condition: true }")]), ["yara.any.a.a"]);
}
