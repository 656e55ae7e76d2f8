//! Compilers as they are: good, slow, dying, lying. Shell scripts stand in for them.

#![allow(clippy::cast_possible_truncation, reason = "its numbers are its own, and small")]

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use daemon_rules::{Cache, Compiler, Loaded, Options, Severity, load};
use tempfile::{TempDir, tempdir};

/// Answers with what it was asked, and counts how often it was.
const ECHO: &str = r#"cat > "$0.in"; cat "$0.in"; echo x >> "$0.count"
echo '{"mistake":{"file":"a.yar","line":3,"column":null,"severity":"warning","code":"W","message":"slow","rendered":""}}' >&2
echo "{\"done\":{\"bundle_bytes\":$(wc -c < "$0.in"),\"withheld\":0}}" >&2"#;

/// A rules directory, a cache and a compiler.
struct Bench {
    home: TempDir,
    options: Options,
}

fn bench(script: &str) -> Bench {
    let home = tempdir().unwrap();
    let at = |name: &str| home.path().join(name);
    fs::create_dir(at("rules")).unwrap();
    fs::write(at("rules/a.yar"), "rule a { condition: true }").unwrap();
    fs::write(at("compiler"), format!("PATH=/usr/bin:/bin\n{script}\n")).unwrap();
    let mut compiler = Compiler::new("/bin/sh", [at("compiler")]);
    compiler.time_max = Duration::from_secs(20);
    let options = Options {
        directories: vec![at("rules")],
        shipped: false,
        cache: Some(at("cache/rules")),
        compiler,
        compiler_key: "test 1".into(),
    };
    Bench { home, options }
}

impl Bench {
    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    #[track_caller]
    fn load(&self) -> Loaded {
        load(&self.options).unwrap()
    }

    /// How often the compiler ran.
    fn runs(&self) -> usize {
        fs::read(self.path("compiler.count")).map_or(0, |lines| lines.len() / 2)
    }

    fn stored(&self) -> Vec<PathBuf> {
        let list = fs::read_dir(self.path("cache/rules")).unwrap();
        list.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "bundle")).collect()
    }

    /// Loads, changes the cache, loads again: the compiler must have run again, and `problem` be told.
    #[track_caller]
    fn check_refused(&self, change: impl FnOnce(&Path), problem: &str) {
        self.load();
        change(&self.stored()[0]);
        let again = self.load();
        assert!(!again.from_cache);
        let told: Vec<String> = again.problems.iter().map(ToString::to_string).collect();
        assert!(told.iter().any(|told| told.contains(problem)), "{told:?}");
        assert_eq!(bytes(&again), bytes(&self.load()));
    }
}

fn bytes(loaded: &Loaded) -> Vec<u8> {
    let mut bytes = vec![0; loaded.bundle_bytes as usize];
    loaded.bundle.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

#[test]
fn the_first_load_compiles_and_the_second_does_not() {
    let bench = bench(ECHO);
    let (first, second) = (bench.load(), bench.load());
    assert_eq!((first.from_cache, second.from_cache, bench.runs()), (false, true, 1));
    assert_eq!(bytes(&first), bytes(&second));
    assert!(bytes(&first).windows(6).any(|window| window == b"rule a"));
    assert_eq!(first.source_digest, second.source_digest);
    for loaded in [first, second] {
        assert_eq!((loaded.files, loaded.problems), (1, vec![]));
        assert_eq!((loaded.mistakes[0].line, loaded.mistakes[0].severity), (Some(3), Severity::Warning));
    }
}

#[test]
fn a_bundle_just_compiled_cannot_be_changed() {
    let loaded = bench(ECHO).load();
    assert!(loaded.bundle.set_len(0).is_err());
    assert!(loaded.bundle.write_at(b"x", 0).is_err());
}

#[test]
fn shipped_rules_need_no_directory() {
    let mut bench = bench(ECHO);
    bench.options.directories.clear();
    bench.options.shipped = true;
    assert_eq!(bench.load().files, daemon_rules::shipped().len());
    assert!(bench.load().from_cache);
}

#[test]
fn an_edit_an_addition_and_another_compiler_are_compiled_anew() {
    let mut bench = bench(ECHO);
    bench.load();
    fs::write(bench.path("rules/a.yar"), "rule b { condition: true }").unwrap();
    assert!(bytes(&bench.load()).windows(6).any(|window| window == b"rule b"));
    fs::write(bench.path("rules/b.yar"), "rule c { condition: true }").unwrap();
    assert!(!bench.load().from_cache);
    fs::remove_file(bench.path("rules/b.yar")).unwrap();
    assert!(bench.load().from_cache, "these very files were compiled before");
    bench.options.compiler_key = "test 2".into();
    assert!(!bench.load().from_cache);
}

#[test]
fn files_that_are_touched_or_copied_anew_are_read_and_not_compiled() {
    let bench = bench(ECHO);
    let first = bench.load();
    let path = bench.path("rules/a.yar");
    let text = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    fs::write(&path, &text).unwrap();
    let again = bench.load();
    assert!(again.from_cache);
    assert_eq!(again.source_digest, first.source_digest, "the same rules are the same generation");
    assert_eq!(bench.stored().len(), 1);
}

#[test]
fn an_edit_that_keeps_size_and_time_of_modification_is_compiled_anew() {
    let bench = bench(ECHO);
    bench.load();
    let path = bench.path("rules/a.yar");
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    fs::write(&path, "rule x { condition: true }").unwrap();
    File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    assert!(bytes(&bench.load()).windows(6).any(|window| window == b"rule x"));
}

#[test]
fn damage_is_noticed_wherever_it_is() {
    for at in [0, 10, 60, 120] {
        let flip = |path: &Path| {
            let mut bytes = fs::read(path).unwrap();
            bytes[at] ^= 1;
            fs::write(path, bytes).unwrap();
        };
        bench(ECHO).check_refused(flip, "damaged");
    }
}

#[test]
fn a_cut_stored_file_is_noticed_at_every_length() {
    let bench = bench(ECHO);
    bench.load();
    let path = bench.stored().remove(0);
    let whole = fs::read(&path).unwrap();
    let (survey, key) = (daemon_rules::Survey::take(&bench.options.directories).unwrap(), &bench.options.compiler_key);
    let stamps = daemon_rules::digest(&survey, &[], key);
    let cache = Cache::open(&bench.path("cache/rules")).unwrap();
    let digest = cache.content_of(&stamps).unwrap().expect("what was just loaded is known");
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(cache.get(&digest).is_err(), "{length}");
    }
    fs::write(&path, &whole).unwrap();
    assert!(cache.get(&digest).unwrap().is_some());
}

#[test]
fn what_others_may_write_is_refused() {
    let open = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    bench(ECHO).check_refused(open, "is accessible to other users (mode 644)");
}

#[test]
fn what_others_own_is_refused() {
    if !rustix::process::geteuid().is_root() {
        // Past the capture of tests: what cannot run here is counted by tests/run.
        let why = b"SKIPPED: only root can give files away\n";
        let _ = std::io::Write::write_all(&mut std::io::stderr(), why);
        return;
    }
    let give = |path: &Path| std::os::unix::fs::chown(path, Some(65_534), None).unwrap();
    bench(ECHO).check_refused(give, "belongs to user 65534");
}

#[test]
fn a_link_or_directory_in_place_of_a_stored_file_is_refused() {
    let link = |path: &Path| {
        let moved = path.with_extension("moved");
        fs::rename(path, &moved).unwrap();
        std::os::unix::fs::symlink(moved, path).unwrap();
    };
    bench(ECHO).check_refused(link, "opening a cached file failed");
}

/// Loads with a cache that cannot be used: rules come all the same, and `problem` is told.
#[track_caller]
fn check_without_cache(make: impl FnOnce(&Path), problem: &str) {
    let bench = bench(ECHO);
    make(&bench.path("cache"));
    for _ in 0..2 {
        let loaded = bench.load();
        assert!(!loaded.from_cache);
        let told = loaded.problems.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert!(told.iter().any(|told| told.contains(problem)), "{told:?}");
    }
}

#[test]
fn without_a_usable_cache_rules_are_compiled_each_time_and_it_is_told() {
    check_without_cache(|cache| fs::write(cache, "a file").unwrap(), "creating the directory failed");
    let open = |cache: &Path| {
        fs::create_dir_all(cache.join("rules")).unwrap();
        fs::set_permissions(cache.join("rules"), fs::Permissions::from_mode(0o755)).unwrap();
    };
    check_without_cache(open, "the directory is accessible to other users (mode 755)");
    let link = |cache: &Path| {
        fs::create_dir_all(cache.join("elsewhere")).unwrap();
        std::os::unix::fs::symlink("elsewhere", cache.join("rules")).unwrap();
    };
    check_without_cache(link, "opening the directory failed");
}

#[test]
fn the_cache_is_private_and_holds_eight_bundles_and_notes_of_files() {
    let mut bench = bench(ECHO);
    for version in 0..12 {
        bench.options.compiler_key = format!("test {version}");
        bench.load();
    }
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let all: Vec<_> = fs::read_dir(bench.path("cache/rules")).unwrap().map(|entry| entry.unwrap().path()).collect();
    let notes = all.iter().filter(|path| path.extension().is_some_and(|ending| ending == "is")).count();
    assert_eq!((all.len(), bench.stored().len(), notes), (20, 8, 12));
    assert!(all.iter().all(|path| mode(path) == 0o600));
    assert_eq!(mode(&bench.path("cache/rules")), 0o700);
    assert!(bench.load().from_cache);
}

/// A compiler that fails leaves nothing behind and says why.
#[track_caller]
fn check_failure(script: &str, expected: &str) {
    let bench = bench(script);
    let error = load(&bench.options).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
    assert_eq!(bench.stored(), Vec::<PathBuf>::new());
}

#[test]
fn a_compiler_that_dies_is_an_error_with_its_last_words() {
    check_failure(
        "echo thread main panicked >&2; exit 101",
        "exited with status 101; its last output: thread main panicked",
    );
    check_failure("kill -SEGV $$", "was killed by signal 11");
    check_failure("printf '\\033]0;x\\007' >&2; exit 1", "its last output: ]0;x");
}

#[test]
fn a_compiler_that_gives_no_whole_answer_is_an_error() {
    check_failure("echo some bytes", "its end mark is missing");
    check_failure("echo some bytes; echo '{\"done\":{\"bundle_bytes\":3,\"withheld\":0}}' >&2", "wrong length");
    check_failure("yes >&2", "its output is too long");
}

#[test]
fn a_compiler_that_is_not_there_is_an_error() {
    let mut bench = bench("");
    bench.options.compiler = Compiler::new("/nowhere/compiler", [""; 0]);
    assert!(load(&bench.options).unwrap_err().to_string().contains("cannot run \"/nowhere/compiler\""));
}

#[test]
fn a_compiler_that_takes_too_long_is_killed_with_all_it_started() {
    let mut bench = bench("sleep 1000 & echo $! > \"$0.pid\"; wait");
    bench.options.compiler.time_max = Duration::from_millis(700);
    let start = Instant::now();
    let error = load(&bench.options).unwrap_err().to_string();
    assert!(error.contains("longer than 700ms"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(10));
    check_gone(&bench);
}

#[test]
fn a_compiler_that_leaves_somebody_behind_is_not_waited_for() {
    let bench = bench(&format!("sleep 1000 & echo $! > \"$0.pid\"\n{ECHO}"));
    let start = Instant::now();
    bench.load();
    assert!(start.elapsed() < Duration::from_secs(10));
    check_gone(&bench);
}

/// The process whose number the script wrote down has ended: it is gone, or a zombie that init has yet to bury.
#[track_caller]
fn check_gone(bench: &Bench) {
    let pid = fs::read_to_string(bench.path("compiler.pid")).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let mut stat = String::new();
        let read = File::open(format!("/proc/{}/stat", pid.trim())).and_then(|mut file| file.read_to_string(&mut stat));
        if read.is_err() || stat.contains(") Z ") {
            return;
        }
        assert!(Instant::now() < deadline, "{stat}");
    }
}

#[test]
fn many_loads_leave_no_descriptor_open() {
    let bench = bench("echo no >&2; exit 1");
    let open = || fs::read_dir("/proc/self/fd").unwrap().count();
    let _ = load(&bench.options);
    let before = open();
    for _ in 0..20 {
        let _ = load(&bench.options);
    }
    // Other tests run meanwhile and have some open.
    assert!(open() < before + 20);
}
