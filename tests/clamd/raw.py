"""The bytes of replies, compared with clamd's own.

    raw.py OURS CLAMD FILES        paths of both sockets, and of the directory that files.py wrote
"""

import array
import os
import re
import socket
import struct
import sys
import time

from files import EICAR, LIMIT, forty

ours, theirs, files = sys.argv[1:4]


def talk(where, parts, half=False):
    """Sends the parts on one connection; everything that is replied. A part is bytes, bytes with open files, or a pause."""
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(20)
    client.connect(where)
    try:
        for part in parts:
            if isinstance(part, float):
                time.sleep(part)
            elif isinstance(part, tuple):
                client.sendmsg([part[0]], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", part[1]))])
            else:
                client.sendall(part)
        if half:
            client.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # What it has to say it says before it hangs up.
    reply = b""
    try:
        while piece := client.recv(65_536):
            reply += piece
    except ConnectionResetError:
        pass
    client.close()
    return reply


def plain(reply):
    """Without what may differ: names of signatures, numbers of descriptors, the order of lines."""
    reply = re.sub(rb"[\w.-]+ FOUND", b"NAME FOUND", reply)
    reply = re.sub(rb"fd\[\d+\]", b"fd[N]", reply)
    return sorted(re.split(rb"[\0\n]", reply)), reply.count(b"\0"), reply.count(b"\n")


def piece(content):
    return struct.pack(">I", len(content)) + content


END = struct.pack(">I", 0)


def stream(content, size=100_000, command=b"zINSTREAM\0"):
    return command + b"".join(piece(content[at : at + size]) for at in range(0, len(content), size)) + END


def opened(name):
    return os.open(f"{files}/{name}", os.O_RDONLY)


def scan(name, command="SCAN", form="z{} {}\0"):
    return form.format(command, f"{files}/{name}").encode()


S = b"zIDSESSION\0"
same = {
    "PING": [b"PING"],
    "PING newline": [b"PING\n"],
    "PING crlf": [b"PING\r\n"],
    "nPING": [b"nPING\n"],
    "nPING crlf": [b"nPING\r\n"],
    "zPING": [b"zPING\0"],
    "zPING in two": [b"zPI", 0.2, b"NG\0"],
    "two commands": [b"zPING\0zPING\0"],
    "lower case": [b"zping\0"],
    "z with newline": [b"zPING\n\0"],
    "blank behind": [b"nPING \n"],
    "empty n": [b"n\n"],
    "empty z": [b"z\0"],
    "newline": [b"\n"],
    "nul": [b"\0"],
    "half an old command": [b"PI"],
    "nul within": [b"nPI\0NG\n"],
    "old VERSIONCOMMANDS": [b"VERSIONCOMMANDS\n"],
    "old INSTREAM": [b"INSTREAM\n"],
    "old IDSESSION": [b"IDSESSION\n"],
    "END": [b"zEND\0"],
    "STREAM": [b"zSTREAM\0"],
    "SESSION": [b"nSESSION\n"],
    "RAWSCAN": [b"zRAWSCAN /tmp\0"],
    "SCAN without a path": [b"zSCAN\0"],
    "SCAN of an empty path": [b"zSCAN \0"],
    "HTTP": [b"GET / HTTP/1.1\r\n\r\n"],
    "DETSTATS": [b"zDETSTATS\0"],
    "RELOAD": [b"zRELOAD\0"],
    "SCAN": [scan("mixed/a.com")],
    "SCAN old": [scan("mixed/a.com", form="{} {}")],
    "SCAN n": [scan("mixed/b.txt", form="n{} {}\n")],
    "SCAN empty": [scan("empty")],
    "SCAN missing": [scan("none")],
    "SCAN relative": [b"zSCAN a.com\0"],
    "SCAN below a file": [scan("empty/x")],
    "SCAN with dots": [scan("mixed/sub/../a.com")],
    "SCAN with two slashes": [scan("mixed//a.com")],
    "SCAN name with newline": [scan("no\nne")],
    "SCAN name without UTF-8": [b"zSCAN " + files.encode() + b"/\xff\xfe\0"],
    "SCAN directory": [scan("mixed")],
    "CONTSCAN directory": [scan("mixed", "CONTSCAN")],
    "CONTSCAN slash": [scan("mixed/", "CONTSCAN")],
    "CONTSCAN clean": [scan("clean", "CONTSCAN")],
    "CONTSCAN nothing": [scan("nothing", "CONTSCAN")],
    "MULTISCAN directory": [scan("mixed", "MULTISCAN")],
    "MULTISCAN clean": [scan("clean", "MULTISCAN")],
    "MULTISCAN file": [scan("mixed/a.com", "MULTISCAN")],
    "MULTISCAN empty": [scan("empty", "MULTISCAN")],
    "MULTISCAN missing": [scan("none", "MULTISCAN")],
    "INSTREAM n": [stream(EICAR, command=b"nINSTREAM\n")],
    "INSTREAM byte by byte": [stream(EICAR, 1)],
    "INSTREAM in two": [stream(EICAR)[:40], 0.2, stream(EICAR)[40:]],
    "INSTREAM empty": [stream(b"")],
    "INSTREAM just": [stream(b"x" * LIMIT)],
    "INSTREAM 0xffffffff": [b"zINSTREAM\0\xff\xff\xff\xff"],
    "INSTREAM and more": [stream(b"hello") + b"zPING\0"],
    "FILDES": [b"zFILDES\0", (b"x", [opened("mixed/a.com")])],
    "FILDES n": [b"nFILDES\n", (b"\0", [opened("mixed/b.txt")])],
    "FILDES old": [b"FILDES\n", (b"x", [opened("mixed/a.com")])],
    "FILDES in one": [(b"zFILDES\0x", [opened("mixed/a.com")])],
    "FILDES empty": [b"zFILDES\0", (b"x", [opened("empty")])],
    "FILDES directory": [b"zFILDES\0", (b"x", [opened("mixed")])],
    "FILDES pipe": [b"zFILDES\0", (b"x", [os.pipe()[0]])],
    "FILDES without": [b"zFILDES\0x"],
    "FILDES two": [b"zFILDES\0", (b"x", [opened("mixed/a.com"), opened("empty")])],
    "PING with a file": [(b"zPING\0", [opened("empty")])],
    "session": [S, b"zPING\0", scan("mixed/a.com"), stream(EICAR), b"nPING\n", b"zEND\0"],
    "session n": [b"nIDSESSION\n", b"nPING\n", b"nEND\n"],
    "session of a stream of nothing": [S, stream(b""), b"zEND\0"],
    "session FILDES": [S, b"zFILDES\0", (b"x", [opened("mixed/a.com")]), b"zEND\0"],
    "session FILDES without": [S, b"zFILDES\0x"],
    "session missing": [S, scan("none"), b"zEND\0"],
    "session directory": [S, scan("mixed"), b"zEND\0"],
    "session in session": [S, S],
    "session CONTSCAN": [S, b"zPING\0", scan("mixed", "CONTSCAN")],
    "session RELOAD": [S, b"zRELOAD\0"],
    "session unknown": [S, b"zPING\0", b"zFOO\0"],
    "session 0xffffffff": [S, b"zPING\0", b"zINSTREAM\0\xff\xff\xff\xff"],
}
halved = {
    "PING then the end": [b"zPING\0"],
    "half a command then the end": [b"zPI"],
    "half an old command then the end": [b"PI"],
    "SCAN then the end": [scan("mixed/a.com")],
    "half a stream then the end": [b"zINSTREAM\0" + piece(b"hello")],
}
for name, content in forty().items():
    same[f"INSTREAM of {name}"] = [stream(content, 65_536)]
    same[f"SCAN of {name}"] = [f"zSCAN {files}/forty/{name}\0".encode()]
    same[f"FILDES of {name}"] = [b"zFILDES\0", (b"x", [opened(f"forty/{name}")])]

LOOP = f"{files}/link: File path check failure: Too many levels of symbolic links. ERROR\0".encode()
# What we say otherwise, on purpose: docs/clamd.md says why.
otherwise = {
    "SHUTDOWN": ([b"zSHUTDOWN\0"], b"COMMAND UNAVAILABLE\0"),
    "outside": ([b"zSCAN /etc/passwd\0"], b"/etc/passwd: File path check failure: Operation not permitted. ERROR\0"),
    "no blank before the path": ([f"zSCANX{files}\0".encode()], b"UNKNOWN COMMAND\0"),
    "a link": ([scan("link")], LOOP),
    "a pipe": ([scan("pipe")], f"{files}/pipe: Not supported file type ERROR\0".encode()),
    "an empty directory at once": ([scan("nothing", "MULTISCAN")], f"{files}/nothing: OK\0".encode()),
    "a stream over the limit": ([stream(b"x" * (LIMIT + 1))], b"INSTREAM size limit exceeded. ERROR\0"),
    "a much larger one": ([stream(b"x" * 3 * LIMIT)], b"INSTREAM size limit exceeded. ERROR\0"),
    "a long command": ([b"z" + b"A" * 100_000 + b"\0"], b""),
    "a file before its command ends": (
        [(b"zFILDES\0", [opened("empty")])],
        b"PROTOCOL ERROR: ancillary data sent without FILDES. ERROR\0",
    ),
}

wrong = []
counted = {"alike": 0, "of": 0, "otherwise": 0, "of otherwise": 0}
for name, parts, half in [(n, p, False) for n, p in same.items()] + [(n, p, True) for n, p in halved.items()]:
    counted["of"] += 1
    one, other = talk(ours, parts, half), talk(theirs, parts, half)
    if plain(one) == plain(other):
        counted["alike"] += 1
    else:
        wrong.append(f"{name}: we say {one[:300]!r}, clamd {other[:300]!r}")
for name, (parts, reply) in otherwise.items():
    counted["of otherwise"] += 1
    got = talk(ours, parts)
    if got == reply:
        counted["otherwise"] += 1
    else:
        wrong.append(f"{name}: {got[:300]!r}, not {reply!r}")
# A session whose client only stops sending: clamd gives up and says OK of what it did not scan.
counted["of otherwise"] += 1
got = talk(ours, [S, scan("mixed/a.com")], half=True)
counted["otherwise"] += b"FOUND" in got
for name in ["eicar.zip"]:
    for parts in [[scan(name)], [b"zFILDES\0", (b"x", [opened(name)])], [stream(open(f"{files}/{name}", "rb").read())]]:
        counted["of otherwise"] += 1
        got = talk(ours, parts)
        # An archive is opened, or it is an error: never OK.
        if b"FOUND" in got or b" ERROR" in got:
            counted["otherwise"] += 1
        else:
            wrong.append(f"{name}: {got!r}")
print(f"   raw: {counted['alike']} of {counted['of']} replies as clamd's own; "
      f"{counted['otherwise']} of {counted['of otherwise']} otherwise on purpose")
sys.exit("\n".join(wrong) or (counted["otherwise"] != counted["of otherwise"]))
