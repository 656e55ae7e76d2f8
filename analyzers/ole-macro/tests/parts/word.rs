use specimens::doc::{macros_of_word_6, template, template_of_word_6};

use super::{check, check_whole};

#[test]
fn templates_of_binary_documents_are_judged() {
    for builder in [template, template_of_word_6] {
        check(&builder("http://cdn.example.net/t.dotm").build(), &["office.word.template_remote"]);
        check(&builder("hTTp:\\\\cdn.example.net\\t.dotm").build(), &["office.word.template_remote"]);
        check(&builder("\\\\files.example.net\\share\\t.dot").build(), &["office.word.template_network"]);
        check(&builder("\\\\fileserver\\Templates\\Letter.dot").build(), &["office.word.template_service"]);
        check(&builder("https://example.sharepoint.com/t/Letter.dotx").build(), &["office.word.template_service"]);
        check(&builder("https://example.sharepoint.com@192.0.2.7/t.dotx").build(), &["office.word.template_remote"]);
        for local in ["Normal.dot", "C:\\Templates\\Letter.dot", ""] {
            check(&builder(local).build(), &[]);
            check_whole(&builder(local).build());
        }
    }
}

#[test]
fn macros_of_word_6_are_told() {
    check(&macros_of_word_6(&["Payload", "autoOPEN"]).build(), &["office.word.auto_macro", "office.word.macros"]);
    check(&macros_of_word_6(&["FileSaveAs"]).build(), &["office.word.auto_macro", "office.word.macros"]);
    check(&macros_of_word_6(&["Letterhead", "MyAutoOpenTools"]).build(), &["office.word.macros"]);
    check(&macros_of_word_6(&[]).build(), &[]);
}
