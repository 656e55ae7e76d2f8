//! Rules directories as they are found: half-written, hostile, vanishing.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use daemon_rules::{FileRole, Survey, read};
use rustix::fs::{CWD, Mode, mkfifoat};
use tempfile::{TempDir, tempdir};

fn directory(files: &[(&str, &[u8])]) -> TempDir {
    let directory = tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    directory
}

/// The names that are read, and the problems with the directory's own path taken out.
fn rendered(directory: &Path) -> (Vec<String>, Vec<String>) {
    let files = read(&[directory]).unwrap();
    let names = files.files.into_iter().map(|file| file.name).collect();
    let problems = files.problems.iter().map(|problem| {
        let path = problem.path.strip_prefix(directory).unwrap();
        let why = problem.why.to_string();
        format!("{}: {}", path.display(), why.split([':', ',']).next().unwrap())
    });
    let mut problems: Vec<String> = problems.collect();
    problems.sort();
    (names, problems)
}

/// Beside a good file stands whatever `make` makes: the good one is read, and the problem is named.
#[track_caller]
fn check(make: impl FnOnce(&Path), problems: &[&str]) {
    let directory = directory(&[("pe/good.yar", b"rule good { condition: true }")]);
    make(directory.path());
    let (names, found) = rendered(directory.path());
    assert_eq!(names, ["pe/good.yar"]);
    assert_eq!(found, problems);
}

#[test]
fn files_come_in_order_of_their_names_from_every_depth() {
    let directory = directory(&[
        ("b.yar", b"2"),
        ("a/z.yara", b"1"),
        ("README.md", b"-"),
        (".hidden.yar", b"-"),
        (".git/x.yar", b"-"),
        ("c/d/e/f.yar", b"3"),
    ]);
    assert_eq!(rendered(directory.path()), (vec!["a/z.yara".into(), "b.yar".into(), "c/d/e/f.yar".into()], vec![]));
}

#[test]
fn files_of_one_name_in_two_directories_are_told_apart() {
    let (one, two) = (directory(&[("a.yar", b"1"), ("a.yara", b"2")]), directory(&[("a.yar", b"3")]));
    let files = read(&[one.path(), two.path()]).unwrap().files;
    let named: Vec<_> = files.iter().map(|file| (file.name.as_str(), &file.text[..])).collect();
    assert_eq!(named, [("a.yar", &b"1"[..]), ("a~2.yara", b"2"), ("a~3.yar", b"3")]);
}

#[test]
fn bytes_of_any_sort_are_read_as_they_are() {
    let directory = directory(&[("a.yar", b"\0\xff\0 half a ru"), ("empty.yar", b"")]);
    let texts: Vec<_> = read(&[directory.path()]).unwrap().files.into_iter().map(|file| file.text).collect();
    assert_eq!(texts, [&b"\0\xff\0 half a ru"[..], b""]);
}

#[test]
fn a_fifo_is_named_and_nobody_waits_for_its_writer() {
    check(|at| mkfifoat(CWD, at.join("x.yar"), Mode::RUSR).unwrap(), &["x.yar: it is a FIFO"]);
}

#[test]
fn a_socket_is_named() {
    check(|at| drop(UnixListener::bind(at.join("x.yar")).unwrap()), &["x.yar: it is a socket"]);
}

#[test]
fn a_link_is_named_wherever_it_leads() {
    check(|at| symlink("/dev/zero", at.join("x.yar")).unwrap(), &["x.yar: it is a symbolic link"]);
    check(|at| symlink("good.yar", at.join("pe/y.yar")).unwrap(), &["pe/y.yar: it is a symbolic link"]);
    check(|at| symlink("nowhere", at.join("x.yar")).unwrap(), &["x.yar: it is a symbolic link"]);
    check(|at| symlink("/etc", at.join("more")).unwrap(), &["more: it is a symbolic link"]);
    check(|at| symlink("/etc/hostname", at.join("notes")).unwrap(), &[]);
}

#[test]
fn a_directory_with_a_rule_files_name_is_named() {
    check(|at| fs::create_dir(at.join("x.yar")).unwrap(), &["x.yar: it is a directory"]);
}

#[test]
fn a_file_of_100_mib_is_named_and_not_read() {
    let make = |at: &Path| fs::File::create(at.join("x.yar")).unwrap().set_len(100 << 20).unwrap();
    check(make, &["x.yar: it has 104857600 bytes"]);
}

#[test]
fn a_name_that_is_no_text_is_named() {
    use std::os::unix::ffi::OsStrExt;
    let make = |at: &Path| fs::write(at.join(std::ffi::OsStr::from_bytes(b"\xff.yar")), b"").unwrap();
    let directory = directory(&[("pe/good.yar", b"")]);
    make(directory.path());
    let files = read(&[directory.path()]).unwrap();
    assert_eq!(files.files.len(), 1);
    assert!(files.problems[0].to_string().contains("not UTF-8"), "{:?}", files.problems);
}

#[test]
fn nesting_without_end_is_named() {
    let deep = "d/".repeat(40);
    check(
        |at| fs::create_dir_all(at.join(&deep)).unwrap(),
        &[&format!("{}: directories are nested too deeply", "d/".repeat(17).trim_end_matches('/'))],
    );
}

#[test]
fn an_unreadable_file_is_named_and_what_is_made_of_the_rest_is_not_whole() {
    if rustix::process::geteuid().is_root() {
        eprintln!("not shown: root reads everything");
        return;
    }
    let make = |at: &Path| {
        fs::write(at.join("x.yar"), b"").unwrap();
        fs::set_permissions(at.join("x.yar"), fs::Permissions::from_mode(0o000)).unwrap();
    };
    check(make, &["x.yar: it cannot be read"]);
}

#[test]
fn an_unreadable_directory_is_an_error() {
    if rustix::process::geteuid().is_root() {
        eprintln!("not shown: root reads everything");
        return;
    }
    let directory = directory(&[("pe/good.yar", b"")]);
    fs::set_permissions(directory.path().join("pe"), fs::Permissions::from_mode(0o000)).unwrap();
    assert!(read(&[directory.path()]).unwrap_err().to_string().contains("cannot read the rules directory"));
}

#[test]
fn an_empty_directory_is_a_problem_and_a_missing_one_an_error() {
    let directory = directory(&[("README.md", b"")]);
    assert_eq!(rendered(directory.path()), (vec![], vec![": the directory contains no rules".into()]));
    let gone = directory.path().join("gone");
    assert!(read(&[gone]).unwrap_err().to_string().contains("cannot read the rules directory"));
}

#[test]
fn weights_are_read_at_the_top_of_each_directory_only() {
    let directory = directory(&[("a.yar", b""), ("weights.toml", b"w"), ("pe/weights.toml", b"-")]);
    let files = read(&[directory.path()]).unwrap();
    let weights: Vec<_> = files.weights.iter().map(|file| (file.name.as_str(), &file.text[..])).collect();
    assert_eq!(weights, [("weights.toml", &b"w"[..])]);
}

#[test]
fn a_survey_sees_an_edit_that_keeps_size_and_time_of_modification() {
    let directory = directory(&[("a.yar", b"one")]);
    let path = directory.path().join("a.yar");
    let stamp = || Survey::take(&[directory.path()]).unwrap().of_role(FileRole::Rules).next().unwrap().stamp;
    // As old as files are: a stamp taken within the tick of its file's making is not relied on.
    let before = stamp();
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    while stamp().changed_ns == before.changed_ns {
        fs::write(&path, b"two").unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    }
    let after = stamp();
    assert_eq!((before.size, before.modified_ns, before.inode), (after.size, after.modified_ns, after.inode));
    assert_ne!(before, after);
}

#[test]
fn files_that_come_and_go_meanwhile_are_whole_or_absent() {
    let directory = directory(&[("good.yar", b"rule good { condition: true }")]);
    let path = directory.path().join("flicker.yar");
    let (one, two) = ([b'1'; 50_000], [b'2'; 50_000]);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for round in 0..300 {
                fs::write(&path, if round % 2 == 0 { one } else { two }).unwrap();
                if round % 5 == 0 {
                    fs::remove_file(&path).unwrap();
                }
            }
        });
        while !writer.is_finished() {
            let files = read(&[directory.path()]).unwrap();
            for file in files.files.iter().filter(|file| file.name == "flicker.yar") {
                // Empty right after it was truncated, with a stamp that says so; never a mixture.
                let text = &file.text[..];
                let whole = text == one || text == two || Some(text.len() as u64) == file.stamp.map(|stamp| stamp.size);
                assert!(whole && text.windows(2).all(|pair| pair[0] == pair[1]));
            }
        }
    });
}

#[test]
fn weights_and_models_are_read_at_the_top_of_a_directory_alone_too() {
    let directory = directory(&[
        ("weights.toml", b"w"),
        ("pe.model.json", b"p"),
        ("ELF.Model.Json", b"e"),
        ("model.json", b"-"),
        ("more/pe.model.json", b"-"),
        ("a.yar", b"rule"),
    ]);
    mkfifoat(CWD, directory.path().join("b.yar"), Mode::RUSR).unwrap();
    symlink("pe.model.json", directory.path().join("old.model.json")).unwrap();
    let named = |files: &[daemon_rules::RuleFile]| files.iter().map(|file| file.name.clone()).collect::<Vec<_>>();
    let read =
        [daemon_rules::read(&[directory.path()]).unwrap(), daemon_rules::read_data(&[directory.path()]).unwrap()];
    for files in &read {
        assert_eq!(named(&files.weights), ["weights.toml"]);
        assert_eq!(named(&files.models), ["ELF.Model.Json", "pe.model.json"]);
    }
    assert_eq!((named(&read[0].files), named(&read[1].files)), (vec!["a.yar".to_owned()], vec![]));
    assert_eq!((read[0].problems.len(), read[1].problems.len()), (2, 1), "{:?}", read[1].problems);
    assert!(read[1].problems[0].path.ends_with("old.model.json"));
}

#[test]
fn a_directory_of_weights_or_models_alone_is_in_order() {
    for name in ["weights.toml", "elf.model.json"] {
        let directory = directory(&[(name, b"x")]);
        assert_eq!(rendered(directory.path()), (vec![], vec![]), "{name}");
    }
}
