"""Collects honest macros of public repositories: documents that hold macros, and sources, which it packs into documents.

usage: benign_macros.py MIRROR OUT PACK_MACROS [--list benign-macros.csv] [--known MANIFEST...]
MIRROR holds OWNER+NAME/repo, bare; PACK_MACROS is the example of that name (cargo build -p specimens --examples).
writes OUT/documents/SHA256 and OUT/packed/SHA256, mode 0600, and the list: which repository and path each is of.

With a list that is there already only what it names is written again. A folder of sources is a project; modules of folders
with several are documents of their own besides, because what droppers look like is small.
"""
import argparse
import collections
import csv
import hashlib
import os
import re
import subprocess
import tempfile

os.umask(0o077)
DOCUMENT = re.compile(r'\.(xlsm|xlsb|xltm|xlam|xla|xls|xlt|docm|dotm|dot|doc|ppt|pptm|ppam|ppa|potm|vsd|vsdm|mpp)$', re.I)
SOURCE = re.compile(r'\.(bas|cls|frm|vba)$', re.I)
OFFENSIVE = re.compile(r'\brat\b|phish|spy|exploit|malware|payload|shellcode|red.?team|keylog', re.I)   # judged by the repository's purpose
VB6 = re.compile(rb'Begin VB\.|Object = "\{', re.I)
WORD = re.compile(r'\bActiveDocument\b|\bDocument_(Open|New|Close)|ThisDocument|\bSelection\.(TypeText|Find|Range)|wdFind|WdCollapse')
PROCEDURE = re.compile(r'^\s*(public |private )?(sub|function|property)\b', re.I | re.M)
MODULES, PROJECTS, SINGLES = 60, 25, 12
HEAD = ('sha256', 'kind', 'label', 'source', 'group', 'path')


def git(directory, *arguments, **more):
    return subprocess.run(['git', '-C', directory, *arguments], stdout=subprocess.PIPE, check=True, **more).stdout


def blobs(directory):
    """(path, object, size) of the newest commit."""
    for line in git(directory, 'ls-tree', '-r', '-l', '-z', 'HEAD').decode('utf8', 'replace').split('\0'):
        if '\t' in line:
            meta, path = line.split('\t', 1)
            _, kind, name, size = meta.split()
            if kind == 'blob' and size.isdigit():
                yield path, name, int(size)


def contents(directory, names):
    out = git(directory, 'cat-file', '--batch', input=('\n'.join(names) + '\n').encode())
    at = 0
    while at < len(out):
        end = out.index(b'\n', at)
        head = out[at:end].split()
        size = 0 if head[-1] == b'missing' else int(head[2])
        if size:
            yield head[0].decode(), out[end + 1:end + 1 + size]
        at = end + 1 + (size + 1 if head[-1] != b'missing' else 0)


def may_hold_macros(data):
    return b'vbaProject' in data or b'macrosheets' in data or data[:4] == b'\xd0\xcf\x11\xe0' and (b'V\0B\0A\0' in data or b'\x85\0' in data)


def text_of(data):
    if data[:2] == b'\xff\xfe':
        data = data.decode('utf-16', 'replace').encode()
    try:
        text = data.decode('utf8')
    except UnicodeDecodeError:
        text = data.decode('cp1252', 'replace')
    return re.sub(r'\r\n|\r|\n', '\r\n', text.lstrip('\ufeff'))


def projects(directory, entries, seen):
    """(folder or path, [(path, text)], how) of the sources of a repository, none of which was seen before."""
    visual_basic = {os.path.dirname(p) for p, _, _ in entries if p.lower().endswith('.vbp')}
    sources = sorted((p, b) for p, b, size in entries if SOURCE.search(p) and size < 2_000_000 and os.path.dirname(p) not in visual_basic)
    data = dict(contents(directory, sorted({b for _, b in sources}))) if sources else {}
    folders = collections.defaultdict(list)
    for path, blob in sources:
        raw = data.get(blob)
        if raw is None or VB6.search(raw[:3000]):
            continue
        text = text_of(raw)
        digest = hashlib.sha256(re.sub(r'\s+', '', text).encode()).hexdigest()
        if PROCEDURE.search(text) and digest not in seen:
            seen.add(digest)
            folders[os.path.dirname(path)].append((path, text, digest))
    whole = [(folder, modules[i:i + MODULES], 'project') for folder, modules in sorted(folders.items()) for i in range(0, len(modules), MODULES)]
    single = sorted((m for modules in folders.values() if len(modules) > 1 for m in modules), key=lambda m: m[2])
    return whole[:PROJECTS] + [(m[0], [m], 'single') for m in single[:SINGLES]]


def pack(tool, repository, found, out):
    """Packs projects; yields (path of the document, folder or path, how)."""
    with tempfile.TemporaryDirectory() as work:
        lines, named = [], []
        for number, (where, modules, how) in enumerate(found):
            text = '\n'.join(t for _, t, _ in modules)
            old = hashlib.sha256((repository + where).encode()).digest()[0] % 2
            name = f'{number}.' + ('doc' if old else 'docm' if WORD.search(text) else 'xlsm')
            paths = []
            for i, (path, text, _) in enumerate(modules):
                base = f'{work}/{number}.{i}'
                os.makedirs(base)
                stem = re.sub(r'[\t\r\n]', '_', os.path.splitext(os.path.basename(path))[0])
                paths.append(f'{base}/{stem}.bas')
                with open(paths[-1], 'wb') as file:
                    file.write(text.encode('cp1252', 'replace'))
            lines.append('\t'.join([name, *paths]))
            named.append((f'{work}/packed/{name}', where, how))
        if lines:
            subprocess.run([tool, f'{work}/packed'], input='\n'.join(lines).encode(), check=True)
        for path, where, how in named:
            with open(path, 'rb') as file:
                yield file.read(), where, how


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('mirror')
    a.add_argument('out')
    a.add_argument('pack_macros')
    a.add_argument('--list', default='benign-macros.csv')
    a.add_argument('--known', nargs='*', default=[], help='manifests of documents that are left out')
    a.add_argument('--repositories', help='file with the names of repositories, one a line; without it all of the list')
    o = a.parse_args()
    wanted = None
    if os.path.exists(o.list):
        with open(o.list, newline='') as file:
            wanted = {r['sha256']: r for r in csv.DictReader(file)}
    known = set()
    for path in o.known:
        with open(path, newline='') as file:
            known |= {r['sha256'] for r in csv.DictReader(file)}
    repositories = sorted({r['group'] for r in wanted.values()}) if wanted else [line.strip() for line in open(o.repositories) if line.strip()]
    for folder in ('documents', 'packed'):
        os.makedirs(f'{o.out}/{folder}', exist_ok=True)
    rows, seen = [], set()

    def keep(data, folder, source, repository, path):
        digest = hashlib.sha256(data).hexdigest()
        if digest in known or wanted is not None and digest not in wanted:
            return
        known.add(digest)
        with open(f'{o.out}/{folder}/{digest}', 'wb') as file:
            file.write(data)
        rows.append((digest, 'office', 'benign', source, repository, path))

    for repository in repositories:
        directory = f'{o.mirror}/{repository.replace("/", "+", 1)}/repo'
        if os.path.isdir(directory + '/.git'):
            directory += '/.git'
        if not os.path.isdir(directory) or OFFENSIVE.search(repository.split('/')[1]):
            print(f'left out: {repository}')
            continue
        entries = list(blobs(directory))
        documents = {b: p for p, b, size in entries if DOCUMENT.search(p) and 200 < size < 20_000_000}
        for blob, data in contents(directory, sorted(documents)) if documents else ():
            if may_hold_macros(data):
                keep(data, 'documents', 'macro-documents', repository, documents[blob])
        for data, where, how in pack(o.pack_macros, repository, projects(directory, entries, seen), o.out):
            keep(data, 'packed', f'macro-{how}s', repository, where)
    if wanted is None:
        with open(o.list, 'w', newline='') as file:
            w = csv.writer(file, lineterminator='\n')
            w.writerow(HEAD)
            w.writerows(sorted(rows))
    print(f'{len(rows)} documents of {len({r[4] for r in rows})} repositories')


if __name__ == '__main__':
    main()
