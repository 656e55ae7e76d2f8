#!/usr/bin/env python3
"""Compares the VBA source that stakeout reads with what olevba reads, byte by byte.

    compare.py READER FILE_OR_DIRECTORY...

READER is the example `vba_source` of `analyzers-ole-macro`; the example `vba_documents` of the same crate writes
documents to try. Needs oletools (PyPI). Office Open XML documents are unpacked here, and every part that is a compound
file is compared. Ends with 0 when all modules are the same, else with 1.

What may differ, and is counted as the same:
- olevba lists modules of a code page it decodes with Python's tables, which have gaps where the Web's (encoding_rs)
  have control characters: U+FFFD there stands for any character here. The bytes must be the same all the same.
- A module whose stream holds no source at all is listed by neither or by one: nothing is compared.
"""

import collections
import io
import logging
import os
import subprocess
import sys
import tempfile
import zipfile

from oletools import olevba

logging.disable(logging.CRITICAL)


def compound_files(path):
    """The compound files that `path` is or holds, as bytes."""
    data = open(path, "rb").read()
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        yield "", data
    elif data.startswith(b"PK"):
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as package:
                for name in package.namelist():
                    part = package.read(name)
                    if part.startswith(b"\xd0\xcf\x11\xe0"):
                        yield name, part
        except (zipfile.BadZipFile, NotImplementedError, OSError, RuntimeError):
            return


def olevbas(data):
    """An error, if olevba gave up, and pairs of raw bytes and text of the modules it finds in a compound file."""
    found, seen = [], [b""]
    original = olevba.decompress_stream

    def decompress(container):
        # It hands on only the text.
        seen.append(original(container))
        return seen[-1]

    olevba.decompress_stream = decompress
    try:
        parser = olevba.VBA_Parser("document.bin", data=data)
        # Taking compiled code apart is another tool's work.
        parser.detect_vba_stomping = lambda: False
        for _, _, name, text in parser.extract_macros():
            if name != "xlm_macro.txt":
                found.append((seen[-1], text))
        parser.close()
        return None, found
    except Exception as error:  # It gives up on some files: told, not compared.
        return error, found
    finally:
        olevba.decompress_stream = original


def ours(reader, data):
    """Pairs of raw bytes and text of the modules that stakeout finds in a compound file."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        lines = subprocess.run([reader, file.name], capture_output=True, check=True, text=True).stdout.splitlines()
    fields = [line.split("\t") for line in lines]
    return [(bytes.fromhex(raw), bytes.fromhex(text).decode()) for _, _, _, raw, text in fields]


def same_text(theirs, text):
    """Whether two texts are the same but for characters that Python's tables do not know."""
    return len(theirs) == len(text) and all(a == b or a == "\ufffd" for a, b in zip(theirs, text))


def main():
    reader, *paths = sys.argv[1:]
    files = []
    for path in paths:
        if os.path.isdir(path):
            files += sorted(os.path.join(top, name) for top, _, names in os.walk(path) for name in names)
        else:
            files.append(path)
    counts = collections.Counter()
    for path in files:
        for part, data in compound_files(path):
            error, theirs = olevbas(data)
            here = [module for module in ours(reader, data) if module[0]]
            theirs = [module for module in theirs if module[0]]
            if not here and not theirs:
                continue
            counts["files"] += 1
            counts["modules"] += len(theirs)
            name = f"{path} {part}".rstrip()
            if error is not None:
                counts["given up by olevba"] += 1
                print(f"{name}: olevba gives up: {error!r}")
            missing = collections.Counter(raw for raw, _ in theirs) - collections.Counter(raw for raw, _ in here)
            extra = collections.Counter(raw for raw, _ in here) - collections.Counter(raw for raw, _ in theirs)
            texts = collections.defaultdict(list)
            for raw, text in here:
                texts[raw].append(text)
            odd = [raw for raw, text in theirs if raw in texts and not any(same_text(text, t) for t in texts[raw])]
            if missing or odd or (extra and error is None):
                counts["different"] += 1
                print(f"{name}: {sum(missing.values())} only olevba's, {sum(extra.values())} only ours, {len(odd)} texts")
    print(", ".join(f"{number} {what}" for what, number in counts.items()) or "no macros found")
    return 1 if counts["different"] or not counts["files"] else 0


if __name__ == "__main__":
    sys.exit(main())
