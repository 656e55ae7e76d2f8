"""Writes padded copies of development malware, to measure what an attacker buys by adding things that cost nothing.

usage: attacks.py CORPUS OUT --manifest FILE... [--files 300] [--donor N] [--each N]
writes OUT/ATTACK/SHA256 (of the original), mode 0600, never executed; OUT must lie outside every checkout.
For training: attacks.py CORPUS OUT1 --manifest … --donor 1 --each 2 --files 100000; stakeout scan --json --measures OUT1 > padded.ndjson
For testing:  attacks.py CORPUS OUT2 --manifest … --donor 2;                       stakeout scan --json --measures OUT2 > attacked.ndjson
Then: train.py … --padded padded.ndjson --attacked attacked.ndjson

overlay-zeros, overlay-text, overlay-library   1 MiB of zeros, 512 KiB of an ordinary program's strings, an ordinary library after the end
section-text, section-library                  the same in a new read-only section (PE)
imports                                        60 ordinary imports of the windows of a program and its files, beside the old ones (PE)
resources                                      an ordinary program's resources: version, manifest, icons, beside the old ones (PE)
everything                                     imports, resources, section-text and overlay-library together (PE)
"""
import argparse
import csv
import hashlib
import os
import re
import struct

os.umask(0o077)
ORDINARY = {
    'USER32.dll': 'CreateWindowExW DefWindowProcW DispatchMessageW RegisterClassExW DialogBoxParamW LoadIconW LoadCursorW GetMessageW BeginPaint EndPaint SetWindowPos MessageBoxW SendMessageW GetClientRect LoadStringW TranslateMessage ShowWindow UpdateWindow',
    'GDI32.dll': 'CreateFontIndirectW DeleteObject SelectObject SetBkMode SetTextColor GetStockObject',
    'COMCTL32.dll': 'InitCommonControlsEx ImageList_Create ImageList_Add',
    'COMDLG32.dll': 'GetOpenFileNameW GetSaveFileNameW ChooseFontW',
    'VCRUNTIME140.dll': 'memcpy memset memmove __CxxFrameHandler3 _CxxThrowException',
    'api-ms-win-crt-runtime-l1-1-0.dll': '_initialize_onexit_table _register_onexit_function terminate _initterm _exit',
    'api-ms-win-crt-stdio-l1-1-0.dll': '__stdio_common_vfprintf fopen fclose fread',
    'VERSION.dll': 'GetFileVersionInfoW VerQueryValueW',
    'SHLWAPI.dll': 'PathFileExistsW PathCombineW',
    'ole32.dll': 'CoInitialize CoCreateInstance CoTaskMemFree',
}


class Pe:
    """As much of a PE as is needed to add a section. Raises where the file leaves no room."""

    def __init__(self, data):
        self.d = bytearray(data)
        self.pe = struct.unpack_from('<I', data, 0x3c)[0]
        assert data[self.pe:self.pe + 4] == b'PE\0\0'
        self.n, = struct.unpack_from('<H', data, self.pe + 6)
        size, = struct.unpack_from('<H', data, self.pe + 20)
        self.o = self.pe + 24
        self.wide = struct.unpack_from('<H', data, self.o)[0] == 0x20b
        self.align, self.file_align = struct.unpack_from('<II', data, self.o + 32)
        self.align = max(self.align, 0x1000)
        self.file_align = max(self.file_align, 0x200)
        self.dirs = self.o + (112 if self.wide else 96)
        self.table = self.o + size

    def directory(self, i):
        return struct.unpack_from('<II', self.d, self.dirs + 8 * i)

    def sections(self):
        return [struct.unpack_from('<8sIIIIIIHHI', self.d, self.table + 40 * i) for i in range(self.n)]

    def offset(self, rva):
        for _, vs, va, rs, ro, *_ in self.sections():
            if va <= rva < va + max(vs, rs) and rva - va < rs:
                return ro + rva - va
        raise ValueError('not in a section')

    def add(self, name, make, flags=0x40000040):
        """Appends a section; make(rva) gives its bytes."""
        at = self.table + 40 * self.n
        first = min([s[4] for s in self.sections() if s[3] and s[4]], default=len(self.d))
        assert at + 40 <= first and not any(self.d[at:at + 40]) and self.n < 60
        rva = max(s[2] + max(s[1], s[3]) for s in self.sections())
        rva = -(-rva // self.align) * self.align
        body = make(rva)
        raw = -(-len(body) // self.file_align) * self.file_align
        self.d += b'\0' * (-len(self.d) % self.file_align)
        struct.pack_into('<8sIIIIIIHHI', self.d, at, name, len(body), rva, raw, len(self.d), 0, 0, 0, 0, flags)
        self.d += body + b'\0' * (raw - len(body))
        self.n += 1
        struct.pack_into('<H', self.d, self.pe + 6, self.n)
        struct.pack_into('<I', self.d, self.o + 56, -(-(rva + len(body)) // self.align) * self.align)
        return rva

    def imports(self):
        rva, _ = self.directory(1)
        assert rva
        p, old = self.offset(rva), b''
        while any(self.d[p:p + 20]) and len(old) < 20 * 200:
            old += self.d[p:p + 20]
            p += 20
        size = 8 if self.wide else 4

        def make(base):
            table = len(old) + 20 * (len(ORDINARY) + 1)
            tail, heads = bytearray(), b''
            for library, functions in ORDINARY.items():
                names = []
                for f in functions.split():
                    names.append(base + table + len(tail))
                    tail.extend(b'\0\0' + f.encode() + b'\0')
                    tail.extend(b'\0' * (len(tail) % 2))
                lib = base + table + len(tail)
                tail.extend(library.encode() + b'\0')
                tail.extend(b'\0' * (-len(tail) % 8))
                thunk = b''.join(n.to_bytes(size, 'little') for n in names) + b'\0' * size
                lookup = base + table + len(tail)
                tail.extend(thunk)
                bound = base + table + len(tail)
                tail.extend(thunk)
                heads += struct.pack('<IIIII', lookup, 0, 0, lib, bound)
            return old + heads + b'\0' * 20 + bytes(tail)
        at = self.add(b'.idata2\0', make, 0xC0000040)
        struct.pack_into('<II', self.d, self.dirs + 8, at, len(old) + 20 * (len(ORDINARY) + 1))

    def resources(self, donor, donor_rva):
        """Puts the donor's resources beside the old ones, whose data stay where they are."""
        rva, size = self.directory(2)
        old = b''
        if rva:
            o = self.offset(rva)
            old = bytes(self.d[o:o + size])

        def make(base):
            room = 16 + 8 * 64
            out = bytearray(room)
            entries = []

            def moved(at, shift, delta, depth):
                """Shifts the offsets of the directory at `at` of `out` by `shift`, and the addresses of its data by `delta`."""
                named, numbered = struct.unpack_from('<HH', out, at + 12)
                for i in range(named + numbered):
                    e = at + 16 + 8 * i
                    name, where = struct.unpack_from('<II', out, e)
                    struct.pack_into('<II', out, e, name + shift if name >> 31 else name, where + shift)
                    if where >> 31:
                        assert depth < 4
                        moved((where & 0x7fffffff) + shift, shift, delta, depth + 1)
                    else:
                        data, = struct.unpack_from('<I', out, where + shift)
                        struct.pack_into('<I', out, where + shift, data + delta)

            for blob, delta in ((old, 0), (donor, None)):
                if not blob:
                    continue
                shift = len(out)
                out.extend(blob + b'\0' * (-len(blob) % 8))
                moved(shift, shift, base + shift - donor_rva if delta is None else 0, 0)
                named, numbered = struct.unpack_from('<HH', out, shift + 12)
                have = {e[0] for e in entries}
                entries += [e for e in struct.iter_unpack('<II', out[shift + 16:shift + 16 + 8 * (named + numbered)]) if e[0] not in have]
            assert len(entries) <= 64
            entries.sort(key=lambda e: (not e[0] >> 31, e[0] if not e[0] >> 31 else 0))
            named = sum(e[0] >> 31 for e in entries)
            struct.pack_into('<HH', out, 12, named, len(entries) - named)
            for i, e in enumerate(entries):
                struct.pack_into('<II', out, 16 + 8 * i, *e)
            return bytes(out)
        at = self.add(b'.rsrc2\0\0', make)
        struct.pack_into('<II', self.d, self.dirs + 16, at, self.sections()[-1][1])


def resources_of(data):
    p = Pe(data)
    rva, size = p.directory(2)
    o = p.offset(rva)
    return bytes(data[o:o + size]), rva


def strings_of(data, limit):
    return b'\n'.join(re.findall(rb'[\x20-\x7e]{6,}', data))[:limit]


def attacks(data, family, donor):
    yield 'plain', lambda: data
    yield 'overlay-zeros', lambda: data + b'\0' * (1 << 20)
    yield 'overlay-text', lambda: data + donor['text']
    yield 'overlay-library', lambda: data + donor['library']
    if family != 'pe':
        return

    def made(*steps):
        def run():
            p = Pe(data)
            for s in steps:
                s(p)
            return bytes(p.d)
        return run

    def text(p):
        p.add(b'.rdata2\0', lambda _: donor['text'])

    def library(p):
        p.add(b'.data2\0\0', lambda _: donor['library'])

    def resources(p):
        p.resources(*donor['resources'])

    def overlay(p):
        p.d += donor['library']
    yield 'section-text', made(text)
    yield 'section-library', made(library)
    yield 'imports', made(Pe.imports)
    yield 'resources', made(resources)
    yield 'everything', made(Pe.imports, resources, text, overlay)


def donors(corpus, rows, family, number):
    """A library, a program's resources and the strings of some programs, all benign, chosen by size and hash; another set for each number."""
    benign = sorted((hashlib.sha256(f'{number} {r["sha256"]}'.encode()).digest(), r['sha256'], r['source']) for r in rows if r['kind'] == family and r['label'] == 'benign')
    out, text = {}, b''
    for _, sha, source in benign:
        path = f'{corpus}/benign/{family}/{sha}'
        if source in ('packingdata', 'packed-elf', 'corkami-pocs') or not os.path.exists(path) or not 150_000 < os.path.getsize(path) < 900_000:
            continue
        with open(path, 'rb') as file:
            data = file.read()
        if 'library' not in out and (source in ('pypi', 'new-pypi') or source.startswith('apt-elf')):
            out['library'] = data
        elif len(text) < 512 << 10:
            text += strings_of(data, 64 << 10)
        if family == 'pe' and 'resources' not in out and source in ('new-npm', 'new-pypi', 'programs'):
            try:
                got = resources_of(data)
                if 8_000 < len(got[0]) < 200_000 and b'V\0S\0_\0V\0E\0R\0' in got[0] and b'assembly' in got[0]:
                    out['resources'] = got
            except Exception:
                pass
        if 'library' in out and len(text) >= 512 << 10 and (family == 'elf' or 'resources' in out):
            break
    out['text'] = text[:512 << 10]
    return out


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('corpus')
    a.add_argument('out')
    a.add_argument('--manifest', nargs='+', required=True)
    a.add_argument('--files', type=int, default=300)
    a.add_argument('--donor', type=int, default=0, help='which set of benign donors: one for training, another for testing')
    a.add_argument('--each', type=int, default=0, help='only so many attacks for a file, drawn by its hash (for training)')
    o = a.parse_args()
    rows = []
    for path in o.manifest:
        with open(path, newline='') as file:
            rows += list(csv.DictReader(file))
    for family in ('pe', 'elf'):
        donor = donors(o.corpus, rows, family, o.donor)
        print(family, {k: len(v if isinstance(v, bytes) else v[0]) for k, v in donor.items()})
        mine = sorted({r['sha256'] for r in rows if r['kind'] == family and r['label'] == 'malicious'}, key=lambda s: hashlib.sha256(s.encode()).digest())
        made, failed = {}, {}
        for sha in mine[:o.files]:
            path = f'{o.corpus}/malicious/{family}/{sha}'
            if not os.path.exists(path) or os.path.getsize(path) > 4 << 20:
                continue
            with open(path, 'rb') as file:
                data = file.read()
            todo = list(attacks(data, family, donor))
            if o.each:
                todo = sorted(todo[1:], key=lambda t: hashlib.sha256(f'{sha} {t[0]}'.encode()).digest())[:o.each]
            for name, make in todo:
                try:
                    body = make()
                except Exception:
                    failed[name] = failed.get(name, 0) + 1
                    continue
                os.makedirs(f'{o.out}/{name}', exist_ok=True)
                with open(f'{o.out}/{name}/{sha}', 'wb') as file:
                    file.write(body)
                made[name] = made.get(name, 0) + 1
        print(family, 'made', made, 'could not be made', failed)


if __name__ == '__main__':
    main()
