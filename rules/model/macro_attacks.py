"""Writes padded copies of the macros of development malware, to measure what an attacker buys by adding honest code.

usage: macro_attacks.py CORPUS OUT --manifest FILE... --lines FILE... --honest DIRECTORY --vba-source PROGRAM --pack-macros PROGRAM [--donor N] [--each N]
writes OUT/ATTACK/SHA256 (of the original), mode 0600, never executed; OUT must lie outside every checkout.
Programs: the examples vba_source of analyzers-ole-macro and pack_macros of specimens. DIRECTORY: honest documents (benign_macros.py).
Documents with Excel 4 macros are left out: their VBA is mostly harmless.

plain        the modules, packed anew
modules      and 20 honest modules beside them
procedures   the honest code behind the hostile code, in the same module
comments     200 lines of comments before each procedure
lines        honest lines that do nothing, in each procedure
everything   modules, procedures, comments and lines together
"""
import argparse
import csv
import hashlib
import json
import os
import re
import subprocess

os.umask(0o077)
COMMENT = "' Fills the table of the report, formats its columns and prints the totals of this month.\r\n"
LINES = ''.join(f'    Worksheets("Report").Cells({n}, 2).Value = Worksheets("Data").Range("B{n}").Value\r\n' for n in range(2, 42))
BEGIN = re.compile(r'^[ \t]*(?:(?:public|private|friend|static)[ \t]+)*(?:sub|function)[ \t]+\w+[^\r\n]*(?:_[ \t]*\r?\n[^\r\n]*)*\r?\n', re.I | re.M)
KINDS = ('modules', 'procedures', 'comments', 'lines', 'everything')


def modules_of(program, paths):
    """path -> [(name, source)] of what the analyzer reads."""
    out = {}
    for i in range(0, len(paths), 50):
        text = subprocess.run([program, *paths[i:i + 50]], stdout=subprocess.PIPE).stdout.decode()
        for line in text.splitlines():
            path, name, _, _, text = line.split('\t')
            out.setdefault(path, []).append((name, bytes.fromhex(text).decode('utf8')))
    return out


def code(text):
    return re.sub(r'^Attribute [^\r\n]*\r?\n', '', text, flags=re.M)


def padded(kind, modules, honest):
    modules = [(n, code(t)) for n, t in modules]
    every = kind == 'everything'
    if kind == 'comments' or every:
        modules = [(n, BEGIN.sub(lambda m: COMMENT * 200 + m.group(), t)) for n, t in modules]
    if kind == 'lines' or every:
        modules = [(n, BEGIN.sub(lambda m: m.group() + LINES, t)) for n, t in modules]
    if kind == 'procedures' or every:
        more = '\r\n'.join(re.sub(r'^option [^\r\n]*$', '', t, flags=re.I | re.M) for _, t in honest[:5])
        modules = [(n, t + '\r\n' + more if len(t) > 40 else t) for n, t in modules]
    if kind == 'modules' or every:
        modules = modules + honest[:20]
    return modules


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('corpus')
    a.add_argument('out')
    a.add_argument('--manifest', nargs='+', required=True)
    a.add_argument('--lines', nargs='+', required=True, help='what stakeout scan --ndjson says of CORPUS')
    a.add_argument('--honest', required=True)
    a.add_argument('--vba-source', required=True)
    a.add_argument('--pack-macros', required=True)
    a.add_argument('--donor', type=int, default=0)
    a.add_argument('--each', type=int, default=0, help='so many kinds of padding a file, drawn; 0: all, and the plain copy')
    o = a.parse_args()
    wanted = set()
    for path in o.manifest:
        with open(path, newline='') as file:
            wanted |= {r['sha256'] for r in csv.DictReader(file) if r['label'] == 'malicious' and r['kind'] == 'office'}
    for path in o.lines:
        with open(path) as file:
            for record in map(json.loads, file):
                if any(e['id'].startswith('office.xlm.macro_sheet') for e in record.get('evidence') or []):
                    wanted.discard(record['sha256'])
    hostile = sorted(os.path.join(d, f) for d, _, files in os.walk(o.corpus) for f in files if f in wanted)
    donors = sorted(os.path.join(d, f) for d, _, files in os.walk(o.honest) for f in files)[o.donor::7]
    # Honest code without signs of its own: what nobody could be accused for.
    bad = re.compile(r'shell|createobject|getobject|http|declare |kill|environ|vbproject|auto_?open|_open\(|sendkeys|chr\(', re.I)
    honest = []
    for modules in modules_of(o.vba_source, donors[:200]).values():
        honest += [(f'Honest{len(honest)}_{i}', code(t)) for i, (_, t) in enumerate(modules) if 600 < len(t) < 40_000 and not bad.search(t)]
    honest = honest[:60]
    print(f'{len(honest)} honest modules')
    lines = {}
    for path, modules in sorted(modules_of(o.vba_source, hostile).items()):
        sha = os.path.basename(path)
        draw = hashlib.sha256(f'{sha} {o.donor}'.encode()).digest()
        kinds = ('plain', *KINDS) if not o.each else [KINDS[(draw[0] + i * 2) % len(KINDS)] for i in range(o.each)]
        start = draw[1] % max(len(honest) - 20, 1)
        for kind in kinds:
            paths = []
            for i, (name, text) in enumerate(padded(kind, modules, honest[start:] + honest[:start])):
                base = f'{o.out}/.sources/{sha}.{kind}/{i}'
                os.makedirs(base, exist_ok=True)
                paths.append(f'{base}/{re.sub(r"[^A-Za-z0-9_]", "_", name) or "Module"}.bas')
                with open(paths[-1], 'wb') as file:
                    file.write(text.encode('cp1252', 'replace'))
            lines.setdefault(kind, []).append((sha, '\t'.join([f'{sha}.doc', *paths])))
    for kind, rows in lines.items():
        subprocess.run([o.pack_macros, f'{o.out}/{kind}'], input='\n'.join(line for _, line in rows).encode(), check=True)
        for sha, _ in rows:
            os.rename(f'{o.out}/{kind}/{sha}.doc', f'{o.out}/{kind}/{sha}')
        print(kind, len(rows))


if __name__ == '__main__':
    main()
