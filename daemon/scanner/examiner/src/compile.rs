//! The rules compiler: a process of its own, for what it compiles may make it run for minutes, crash or grow.

use std::io;
use std::process::ExitCode;

use analyzers_yara::{Severity, Source};
use daemon_rules::ipc;

/// The `main` of the compiler: a request on standard input, a bundle on standard output, mistakes on standard error.
pub(crate) fn compile() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the program that asked reads it there")]
            {
                eprintln!("{error}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    // What the texts say is not known yet, but that nothing in them needs a file or the network is.
    daemon_worker::walls::compiler()?;
    let mut buffer = Vec::new();
    let request = ipc::read_request(io::stdin(), &mut buffer)?;
    let sources: Vec<Source<'_>> = request.sources.iter().map(|source| Source::new(source.name, source.text)).collect();
    let compilation = analyzers_yara::compile(&sources)?;
    let mistakes: Vec<ipc::Mistake> = compilation.mistakes.into_iter().map(on_wire).collect();
    ipc::write_answer(io::stdout(), io::stderr(), &compilation.bundle, &mistakes)?;
    Ok(())
}

fn on_wire(mistake: analyzers_yara::Mistake) -> ipc::Mistake {
    let from_one = |place: usize| u32::try_from(place).ok().filter(|&place| place > 0);
    ipc::Mistake {
        line: from_one(mistake.line),
        column: from_one(mistake.column),
        severity: match mistake.severity {
            Severity::Error => ipc::Severity::Error,
            Severity::Warning => ipc::Severity::Warning,
        },
        file: mistake.file,
        code: mistake.code,
        message: mistake.message,
        rendered: mistake.rendered,
    }
}
