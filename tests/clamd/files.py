"""Files to scan, made at run time. EICAR's test file is put together here and stands nowhere in one piece."""

import base64
import io
import os
import random
import zipfile

EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-" + b"TEST-FILE!$H+H*"
LIMIT = 1 << 20  # StreamMaxLength of both daemons


def signature():
    """A signature database for clamd: EICAR at the beginning of a file of any kind."""
    return "Eicar-Test-Signature:0:0:" + EICAR.hex() + "\n"


def zipped(name, content):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def forty():
    """Forty files by name: what clamd with that database, and we, say of each is the same."""
    noise = random.Random(7)
    text = ("The quick brown fox jumps over the lazy dog. " * 30_000).encode()
    files = {
        "eicar.com": EICAR,
        "eicar with spaces.com": EICAR,
        "eicar-\u00e4\u00f6\u00fc.com": EICAR,
        "-eicar": EICAR,
        "eicar'quoted\".com": EICAR,
        "eicar%s%n.com": EICAR,
        ".eicar": EICAR,
        "eicar" + "x" * 200: EICAR,
        "eicar-newline.com": EICAR + b"\n",
        "eicar-crlf.com": EICAR + b"\r\n",
        "one-byte": b"x",
        "hello.txt": b"hello\n",
        "page.html": b"<!DOCTYPE html><html><body><p>hello</p></body></html>\n",
        "script.sh": b"#!/bin/sh\necho hello\n",
        "script.py": b"#!/usr/bin/env python3\nprint('hello')\n",
        "script.js": b"console.log('hello');\n",
        "data.json": b'{"hello": ["world", 1, 2, 3]}\n',
        "data.xml": b"<?xml version='1.0'?><hello/>\n",
        "data.csv": b"a,b\n1,2\n",
        "picture.svg": b"<svg xmlns='http://www.w3.org/2000/svg'><rect width='1' height='1'/></svg>\n",
        "picture.gif": base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"),
        "picture.png": base64.b64decode(
            "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
        ),
        "paper.pdf": b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n",
        "mail.eml": b"From: a@example.org\r\nTo: b@example.org\r\nSubject: hello\r\n\r\nhello\r\n",
        "utf16.txt": "hello \u00e4\n".encode("utf-16"),
        "latin1.txt": "hello \u00e4\n".encode("latin-1"),
        "nuls": bytes(5_000),
        "noise": noise.randbytes(10_000),
        "program": open("/bin/true", "rb").read(),
    }
    for size in [63, 64, 65, 4_095, 4_096, 4_097, 65_535, 65_536, 65_537, LIMIT - 1, LIMIT]:
        files[f"text-{size}.txt"] = text[:size]
    assert len(files) == 40, len(files)
    return files


def write(directory):
    """Writes them, and directories of them, where both daemons can read them."""
    for name, content in forty().items():
        os.makedirs(f"{directory}/forty", mode=0o755, exist_ok=True)
        with open(f"{directory}/forty/{name}", "wb") as file:
            file.write(content)
    for name, content in {
        "mixed/a.com": EICAR,
        "mixed/b.txt": b"hello\n",
        "mixed/sub/c.com": EICAR,
        "mixed/sub/empty": b"",
        "clean/a.txt": b"hello\n",
        "clean/sub/b.txt": b"hello\n",
        "empty": b"",
        "over.txt": b"x" * (LIMIT + 1),
        "eicar.zip": zipped("eicar.com", EICAR),
        "private.txt": b"hello\n",
    }.items():
        os.makedirs(os.path.dirname(f"{directory}/{name}"), mode=0o755, exist_ok=True)
        with open(f"{directory}/{name}", "wb") as file:
            file.write(content)
    os.makedirs(f"{directory}/nothing", mode=0o755, exist_ok=True)
    os.chmod(f"{directory}/private.txt", 0o600)
    os.symlink("mixed/a.com", f"{directory}/link")
    os.mkfifo(f"{directory}/pipe", 0o644)
