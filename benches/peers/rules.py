"""Scanning by rules and of macros, beside peers. Called by peers-rules.sh, which builds and installs them.

Runs are interleaved, so that what else the machine does falls on all alike, for two processes or threads on each side.
Ratios are taken turn by turn, of processor time and of wall time; their medians are told. On a machine that others share
the processor time is the one to believe. Hits are compared too, file by file and rule by rule.
"""

import json
import os
import pathlib
import random
import re
import resource
import shutil
import statistics
import subprocess
import sys
import time

from fileset import packaged

RUNS = int(os.environ.get("RUNS", "5"))
cache, release = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
yr, python = sys.argv[3], sys.argv[4]
stakeout = str(release / "stakeout")
rules = os.environ.get("RULES_DIR")
ours = [stakeout, "scan", "-j2", "--quiet", "--no-shipped-rules", "--rules-cache", str(cache / "rules")]
rows, notes = [], []
WALL, CPU = 0, 1
HEADER = ("case", "program", "wall", "processor", "ratio of wall", "of processor", "bar")
GLOBALS = ["filename", "filepath", "extension", "filetype", "owner"]


def run(command):
    """Wall and processor seconds (of all processes below it), exit code and output."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    wall = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return (wall, cpu), done.returncode, done.stdout


def interleaved(commands, runs=RUNS):
    """The wall and processor time of each command in each turn, after one that is not counted."""
    times = {name: [] for name in commands}
    for turn in range(runs + 1):
        for name, command in commands.items():
            took, code, _ = run(command)
            if code not in (0, 1, 2):
                notes.append(f"{name} ended with {code}")
            if turn:
                times[name].append(took)
    return times


def middle(times, which):
    return statistics.median(took[which] for took in times)


def compare(case, commands, peer, bar, unit=1.0):
    """A row for each command; the ratio is the peer's time to ours."""
    times = interleaved(commands)
    for name, turns in times.items():
        ratios = ["", ""]
        if name.startswith("stakeout"):
            ratios = [
                f"{statistics.median(theirs[which] / ours[which] for theirs, ours in zip(times[peer], turns)):.2f}"
                for which in (WALL, CPU)
            ]
        row(case, name, f"{middle(turns, WALL) * unit:.3f}", f"{middle(turns, CPU) * unit:.3f}", *ratios,
            bar if ratios[0] else "")
    return times


def row(*cells):
    """A row of the table, on standard error too: the whole takes long."""
    rows.append(cells)
    print("  ".join(cells), file=sys.stderr)


def listed(name, files):
    path = cache / f"{name}.list"
    path.write_text("".join(f"{file}\n" for file in files))
    return str(path)


def magic(path, count=4):
    try:
        with open(path, "rb") as file:
            return file.read(count)
    except OSError:
        return b""


def files_below(directory, keep, wanted, size_max=64 << 20, seed=1):
    found = []
    for folder, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(folder, name)
            if "\n" not in path and os.path.isfile(path) and not os.path.islink(path) and os.path.getsize(path) <= size_max:
                found.append(path)
    found.sort()
    random.Random(seed).shuffle(found)
    return [path for path in found if keep(path)][:wanted] if wanted < len(found) else [p for p in found if keep(p)]


def first(paths, keep, wanted):
    taken = []
    for path in paths:
        if keep(path):
            taken.append(path)
            if len(taken) == wanted:
                break
    return taken


def compiled():
    """The same rules, compiled by yr."""
    output = cache / "peer.yarc"
    command = [yr, "compile", "-w", "--relaxed-re-syntax", "--path-as-namespace", "--ignore-invalid-rules", "-o", str(output)]
    for name in GLOBALS:
        command += ["-d", f'{name}=""']
    done = subprocess.run(command + [rules], capture_output=True, check=False)
    if done.returncode or not output.exists():
        notes.append("yr cannot compile the rules: " + done.stderr.decode(errors="replace")[-200:])
        return None
    return str(output)


def hits(list_path, yarc):
    """What both sides hit: whether it is the same, and how much it is."""
    _, _, said = run([yr, "scan", "-w", "-C", "--threads", "2", "--scan-list", "-o", "ndjson", yarc, list_path])
    theirs = set()
    for line in said.splitlines():
        record = json.loads(line)
        theirs |= {(record["path"], rule["identifier"]) for rule in record.get("rules", [])}
    _, _, said = run([arg for arg in ours if arg != "--quiet"] + ["--ndjson", "--rules", rules, "--files-from", list_path])
    mine = set()
    for line in said.splitlines():
        record = json.loads(line)
        for seen in record.get("evidence", []):
            # Children are examined too, which yr does not do.
            if seen["id"].startswith("yara.") and seen["layer"] == "":
                mine.add((record["path"], seen["id"].rsplit(".", 1)[1]))
    for missing in sorted(theirs - mine)[:3]:
        notes.append(f"yr alone hits {missing}")
    for extra in sorted(mine - theirs)[:3]:
        notes.append(f"stakeout alone hits {extra}")
    return f"{len(theirs & mine)} hits of both, {len(theirs - mine)} of yr alone, {len(mine - theirs)} of stakeout alone"


def by_rules():
    yarc = compiled()
    if not yarc:
        return
    every = files_below("/usr", lambda path: True, 10**9)
    cases = [("1,000 mixed files of /usr", every[:1000], "3")]
    is_elf = lambda path: magic(path) == b"\x7fELF" and os.path.getsize(path) > 100_000
    elves = first(every, is_elf, 191)
    cases.append((f"{len(elves)} ELF files of /usr", elves, "1.5"))
    pe_dir = os.environ.get("PE_DIR")
    if pe_dir:
        pes = files_below(pe_dir, lambda path: magic(path, 2) == b"MZ", 532)
        cases.append((f"{len(pes)} PE files", pes, "2"))
    folder = packaged(cache)
    if folder:
        # The wheels themselves are archives of all the others.
        files = files_below(folder, lambda path: not path.endswith((".whl", "complete")), 10**9)
        cases.append(("1,000 mixed files of wheels", files[:1000], "3"))
        for name, some, bar in (
            ("PE", first(files, lambda path: magic(path, 2) == b"MZ", 300), "2"),
            ("ELF", first(files, is_elf, 191), "1.5"),
        ):
            cases.append((f"{len(some)} {name} files of wheels", some, bar))
    else:
        notes.append("files of wheels: skipped, they cannot be downloaded")
    tiny = cache / "tiny"
    tiny.write_text("abc")
    starting = compare("start to first verdict, ms", {
        "yr": [yr, "scan", "-w", "-C", yarc, str(tiny)],
        "stakeout": ours + ["--rules", rules, str(tiny)],
        "stakeout --in-process": ours + ["--rules", rules, "--in-process", str(tiny)],
    }, "yr", "0.6 of yr's", unit=1e3)
    started = {name: middle(turns, CPU) for name, turns in starting.items()}
    for case, files, bar in cases:
        path = listed(re.sub(r"\W+", "-", case), files)
        size = sum(os.path.getsize(file) for file in files)
        commands = {
            "yr -p2": [yr, "scan", "-w", "-C", "--threads", "2", "--scan-list", yarc, path],
            "stakeout": ours + ["--rules", rules, "--files-from", path],
            "stakeout --in-process": ours + ["--rules", rules, "--in-process", "--files-from", path],
        }
        if case.startswith("1,000"):
            commands["stakeout --known-kinds"] = ours + ["--rules", rules, "--known-kinds", "--files-from", path]
        times = compare(f"{case}, {size >> 20} MB, s", commands, "yr -p2", bar)
        each = {
            name: (middle(turns, CPU) - started.get(name.split(" -p")[0], started["stakeout"])) / len(files) * 1e3
            for name, turns in times.items()
        }
        told = ", ".join(f"{name} {took:.2f}" for name, took in each.items())
        notes.append(f"{case}: processor time a file without the start, in ms: {told}")
        notes.append(f"{case}: {hits(path, yarc)}")
    memory(listed("memory", every[:4000]), yarc)


def resident(pid):
    """Proportional memory of a process and all below it, in bytes."""
    total = 0
    waiting = [pid]
    while waiting:
        one = waiting.pop()
        try:
            total += int(re.search(r"^Pss:\s+(\d+)", pathlib.Path(f"/proc/{one}/smaps_rollup").read_text(), re.M)[1]) << 10
            for task in os.listdir(f"/proc/{one}/task"):
                waiting += map(int, pathlib.Path(f"/proc/{one}/task/{task}/children").read_text().split())
        except (OSError, TypeError):
            continue
    return total


def memory(path, yarc):
    commands = {
        "yr -p2": [yr, "scan", "-w", "-C", "--threads", "2", "--scan-list", yarc, path],
        "stakeout": ours + ["--rules", rules, "--files-from", path],
    }
    for name, command in commands.items():
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        most = 0
        while child.poll() is None:
            most = max(most, resident(child.pid))
            time.sleep(0.02)
        row("proportional memory at most, 2 workers, MB", name, f"{most / 1e6:.0f}", "", "", "",
            "250" if name == "stakeout" else "")


def large():
    few = os.environ.get("FEW_RULES_DIR")
    if not few:
        notes.append("1 GiB file: skipped, FEW_RULES_DIR is not given")
        return
    file = cache / "large"
    if not file.exists() or file.stat().st_size != 1 << 30:
        pieces = files_below("/usr/lib", lambda path: magic(path) == b"\x7fELF", 400)
        with open(file, "wb") as out:
            while out.tell() < 1 << 30:
                for piece in pieces:
                    with open(piece, "rb") as source:
                        shutil.copyfileobj(source, out)
            out.truncate(1 << 30)
    yarc = cache / "few.yarc"
    subprocess.run([yr, "compile", "-w", "--relaxed-re-syntax", "--path-as-namespace", "-o", str(yarc), few], capture_output=True, check=False)
    compare("one 1 GiB file, s", {
        "yr -p2": [yr, "scan", "-w", "-C", "--threads", "2", str(yarc), str(file)],
        "stakeout": ours + ["--rules", few, "--max-size", "2G", "--max-time", "120", str(file)],
    }, "yr -p2", "1.0")
    file.unlink()


MACRO_EXTENSIONS = (".docm", ".dotm", ".xlsm", ".xltm", ".xlam", ".xlsb", ".pptm", ".potm", ".ppsm", ".ppam", ".sldm")


def is_macro_document(path):
    """By its name or its bytes, and not encrypted."""
    content = pathlib.Path(path).read_bytes()
    if "EncryptedPackage".encode("utf-16-le") in content:
        return False
    return path.endswith(MACRO_EXTENSIONS) or b"vbaProject.bin" in content or "_VBA".encode("utf-16-le") in content


def macros():
    folder = os.environ.get("OFFICE_DIR")
    if not folder or not python:
        notes.append("macro documents: skipped, OFFICE_DIR or oletools is missing")
        return
    # Those that can be read; to try a default password on the others is 100,000 rounds of a hash by their own wish.
    documents = files_below(folder, is_macro_document, 64)
    path = listed("macros", documents)
    peers = {
        "olevba": "import sys, logging; logging.disable(50)\nfrom oletools.olevba import VBA_Parser\n"
                  "for p in open(sys.argv[1]).read().split('\\n')[:-1]:\n  try:\n    v = VBA_Parser(p)\n    v.detect_vba_macros() and v.analyze_macros()\n  except Exception: pass",
        "mraptor": "import sys, logging; logging.disable(50)\nfrom oletools.olevba import VBA_Parser\nfrom oletools.mraptor import MacroRaptor\n"
                   "for p in open(sys.argv[1]).read().split('\\n')[:-1]:\n  try:\n    v = VBA_Parser(p)\n    c = ''.join(m[3] for m in v.extract_all_macros() if isinstance(m[3], str)) if v.detect_vba_macros() else ''\n    MacroRaptor(c).scan()\n  except Exception: pass",
    }
    # What starting costs is measured on nothing, and taken off on all sides.
    nothing = listed("nothing", [str(cache / "tiny")])
    (cache / "tiny").write_text("abc")
    commands, idle = {}, {}
    for name, code in peers.items():
        commands[name], idle[name] = [python, "-c", code, path], [python, "-c", code, nothing]
    alone = [stakeout, "scan", "-j1", "--quiet", "--no-yara", "--files-from"]
    with_rules = [stakeout, "scan", "-j1", "--quiet", "--files-from"]
    commands["stakeout (no YARA)"], idle["stakeout (no YARA)"] = alone + [path], alone + [nothing]
    commands["stakeout"], idle["stakeout"] = with_rules + [path], with_rules + [nothing]
    busy, started = interleaved(commands), interleaved(idle)
    each = {
        name: [(middle(busy[name], which) - middle(started[name], which)) / max(len(documents), 1) * 1e3 for which in (WALL, CPU)]
        for name in commands
    }
    for name, took in each.items():
        ours = name.startswith("stakeout")
        ratios = [f"{theirs / mine:.0f}" if ours else "" for theirs, mine in zip(each["olevba"], took)]
        row(f"{len(documents)} macro documents, ms each", name, *(f"{took[which]:.3f}" for which in (WALL, CPU)), *ratios,
            "0.3 ms, or 150 times olevba" if ours else "")


def hop():
    """A sealed memfd of 64 KiB to another process and back, in C and as our workers do it."""
    for name, program in [("C", cache / "hop"), ("ours", release / "examples" / "hop")]:
        if program.exists():
            notes.append(f"hop, {name}: " + "; ".join(run([str(program)])[2].decode().splitlines()))
        else:
            notes.append(f"hop, {name}: skipped, {program.name} is not built")


if rules and yr:
    by_rules()
    large()
else:
    notes.append("rules: skipped, RULES_DIR or yr is missing")
macros()
hop()
widths = [max(len(cells[at]) for cells in rows + [HEADER]) for at in range(len(HEADER))]
for at, line in enumerate([HEADER] + rows):
    print("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |")
    if at == 0:
        print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
print()
for note in notes:
    print(f"- {note}")
