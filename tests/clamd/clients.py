"""Real clients, each with our daemon and with clamd: what they print, exit codes, what they return.

    clients.py clamdscan OURS.conf CLAMD.conf FILES
    clients.py python OURS CLAMD FILES
    clients.py denied OURS CLAMD FILES               as a user who may not read private.txt
    clients.py rspamd PORT FILES                     symbols OURS and CLAMD of the same mail
"""

import email.message
import json
import re
import subprocess
import sys
import urllib.request

from files import EICAR, forty, zipped

wrong = []
alike = total = 0


def compare(name, one, other):
    global alike, total
    total += 1
    if one == other:
        alike += 1
    else:
        wrong.append(f"{name}: ours {one!r}, clamd's {other!r}")


def lines(text):
    return sorted(re.sub(r"[\w.-]+ FOUND", "NAME FOUND", line) for line in text.splitlines())


def clamdscan(configuration, options, paths):
    done = subprocess.run(
        ["clamdscan", "-c", configuration, "--no-summary", *options, *paths], capture_output=True, text=True, timeout=120
    )
    return lines(done.stdout), done.returncode


def with_clamdscan(ours, theirs, files):
    global alike, total
    for options in [[], ["--fdpass"], ["--stream"], ["--multiscan"], ["--multiscan", "--fdpass"]]:
        alike = total = 0
        for name in forty():
            path = [f"{files}/forty/{name}"]
            compare(f"{options} {name}", clamdscan(ours, options, path), clamdscan(theirs, options, path))
        for name in ["mixed", "clean", "none", "empty", "forty"]:
            path = [f"{files}/{name}"]
            compare(f"{options} {name}", clamdscan(ours, options, path), clamdscan(theirs, options, path))
        print(f"   clamdscan {' '.join(options)}: {alike} of {total} alike")
    piped = [subprocess.run(["clamdscan", "-c", conf, "--no-summary", "-"], input=EICAR, capture_output=True, timeout=60)
             for conf in (ours, theirs)]
    compare("standard input", *[(lines(done.stdout.decode()), done.returncode) for done in piped])
    pinged = [subprocess.run(["clamdscan", "-c", conf, "--ping", "1"], capture_output=True, timeout=60).returncode
              for conf in (ours, theirs)]
    compare("ping", *pinged)
    reloaded = [subprocess.run(["clamdscan", "-c", conf, "--reload"], capture_output=True, timeout=60).returncode
                for conf in (ours, theirs)]
    compare("reload", *reloaded)


def unnamed(reply):
    """What the package `clamd` returns, without the signature's name and the number of a descriptor."""
    return sorted((re.sub(r"\d+", "N", path) if path.startswith("fd[") else path, status, None if status == "FOUND" else why)
                  for path, (status, why) in reply.items())


def with_python(ours, theirs, files):
    import io

    import clamd

    def said(call):
        try:
            return call()
        except Exception as error:  # noqa: BLE001 - which one it is, is compared
            return type(error).__name__

    one, other = clamd.ClamdUnixSocket(ours, timeout=60), clamd.ClamdUnixSocket(theirs, timeout=60)
    for name, content in forty().items():
        compare(f"instream {name}", *[said(lambda d=d: unnamed(d.instream(io.BytesIO(content)))) for d in (one, other)])
    print(f"   python clamd, instream: {alike} of {total} alike")
    for name in [*(f"forty/{name}" for name in forty()), "mixed", "clean", "none", "empty"]:
        path = f"{files}/{name}"
        for command in ["scan", "contscan", "multiscan"]:
            compare(f"{command} {name}", *[said(lambda d=d: unnamed(getattr(d, command)(path))) for d in (one, other)])
    for command in ["ping", "reload"]:
        compare(command, *[said(getattr(d, command)) for d in (one, other)])
    compare("version", *[said(d.version).count(" ") > 0 for d in (one, other)])
    compare("stats", *[said(d.stats).split("\n")[0] for d in (one, other)])
    print(f"   python clamd, all: {alike} of {total} alike")


def denied(ours, theirs, files):
    import clamd

    path = f"{files}/private.txt"
    compare("private.txt", *[unnamed(clamd.ClamdUnixSocket(where).scan(path)) for where in (ours, theirs)])
    print(f"   a file that a client may not read: {alike} of {total} alike")


def mail(name, content):
    message = email.message.EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.org", "b@example.org", "hello"
    message["Message-ID"] = f"<{abs(hash(name))}@example.org>"
    message.set_content("hello\n")
    message.add_attachment(content, maintype="application", subtype="octet-stream", filename="attachment.bin")
    return message.as_bytes()


def with_rspamd(port, files):
    def checked(name, content):
        request = urllib.request.Request(f"http://127.0.0.1:{port}/checkv2", mail(name, content))
        return json.load(urllib.request.urlopen(request, timeout=60))["symbols"]

    for name, content in forty().items():
        symbols = checked(name, content)
        compare(name, "OURS" in symbols, "CLAMD" in symbols)
        if content.startswith(EICAR):
            compare(name, symbols.get("OURS", {}).get("options"), ["Stakeout.Eicar.EICAR-Test-File"])
    print(f"   rspamd: {alike} of {total} alike")
    # An archive is opened, or it is told that it was not: never nothing.
    symbols = checked("zip", zipped("eicar.com", EICAR))
    compare("an archive", "OURS" in symbols or "OURS_FAIL" in symbols, True)


what, arguments = sys.argv[1], sys.argv[2:]
{"clamdscan": with_clamdscan, "python": with_python, "denied": denied, "rspamd": with_rspamd}[what](*arguments)
sys.exit("\n".join(wrong) or 0)
