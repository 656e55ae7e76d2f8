//! Files that clients name.

use std::os::unix::fs::symlink;

use daemon_clamd::ClamdLimits;

use crate::server::TestServer;

fn filled() -> TestServer {
    let server = TestServer::start(ClamdLimits::default());
    std::fs::create_dir_all(server.file("dir/sub")).unwrap();
    for (name, text) in
        [("dir/a", "bad"), ("dir/b", "good"), ("dir/sub/c", "bad"), ("dir/sub/d", ""), ("bad", "bad"), ("empty", "")]
    {
        std::fs::write(server.file(name), text).unwrap();
    }
    std::fs::create_dir_all(server.file("clean")).unwrap();
    std::fs::write(server.file("clean/x"), "good").unwrap();
    std::fs::create_dir_all(server.file("failing")).unwrap();
    for (name, text) in [("failing/x", "good"), ("failing/y", "fail")] {
        std::fs::write(server.file(name), text).unwrap();
    }
    symlink("bad", server.file("link")).unwrap();
    symlink("../bad", server.file("clean/link")).unwrap();
    server
}

/// The replies about a path, each below the directory of the test's files.
fn replies(server: &TestServer, command: &str, name: &str) -> Vec<String> {
    let path = server.file(name);
    let text = server.ask(format!("z{command} {}\0", path.display()).as_bytes());
    let base = format!("{}/", server.file("").display().to_string().trim_end_matches('/'));
    text.split_terminator('\0').map(|line| line.strip_prefix(&base).unwrap_or(line).to_owned()).collect()
}

#[test]
fn directories_are_scanned_as_far_as_the_command_says() {
    let server = filled();
    let both = ["dir/a: Test.Bad FOUND", "dir/sub/c: Test.Bad FOUND"];
    assert_eq!(replies(&server, "SCAN", "dir"), both[..1]);
    assert_eq!(replies(&server, "CONTSCAN", "dir"), both);
    assert_eq!(replies(&server, "CONTSCAN", "dir/"), both);
    let mut parallel = replies(&server, "MULTISCAN", "dir");
    parallel.sort();
    assert_eq!(parallel, both);
    assert_eq!(replies(&server, "ALLMATCHSCAN", "dir"), ["dir/a: Test.Bad FOUND", "dir/a: Test.Worse FOUND"]);
    for command in ["SCAN", "CONTSCAN", "MULTISCAN"] {
        assert_eq!(replies(&server, command, "clean"), ["clean: OK"], "{command}");
        // One that failed is not one in which nothing was found.
        assert_eq!(replies(&server, command, "failing"), ["failing/y: Not fully scanned ERROR"], "{command}");
        assert_eq!(replies(&server, command, "bad"), ["bad: Test.Bad FOUND"], "{command}");
        assert_eq!(replies(&server, command, "empty"), ["empty: OK"], "{command}");
    }
}

#[test]
fn what_cannot_be_scanned_is_no_ok() {
    let server = filled();
    let failed = |why: &str| vec![why.to_owned()];
    assert_eq!(
        replies(&server, "SCAN", "none"),
        failed("none: File path check failure: No such file or directory. ERROR")
    );
    assert_eq!(
        replies(&server, "SCAN", "link"),
        failed("link: File path check failure: Too many levels of symbolic links. ERROR")
    );
    let outside = "File path check failure: Operation not permitted. ERROR";
    assert_eq!(server.ask(b"nSCAN /etc/passwd\n"), format!("/etc/passwd: {outside}\n"));
    assert_eq!(server.ask(b"zSCAN \0"), ": File path check failure: No such file or directory. ERROR\0");
    // Nobody knows what a client on another machine may read.
    let path = server.file("bad");
    assert_eq!(
        server.ask_tcp(format!("zSCAN {}\0", path.display()).as_bytes()),
        format!("{}: {outside}\0", path.display())
    );
}

#[test]
fn a_name_cannot_be_taken_for_a_reply() {
    let server = filled();
    std::fs::create_dir(server.file("names")).unwrap();
    std::fs::write(server.file("names/a\nstream: OK\n"), "bad").unwrap();
    let text = server.ask(format!("nCONTSCAN {}\n", server.file("names").display()).as_bytes());
    assert_eq!(text, format!("{}/a?stream: OK?: Test.Bad FOUND\n", server.file("names").display()));
}
