"""Programs packed by UPX and unpacked by us, compared with what they were.

usage: compare.py UPX UNPACK FOLDER PROGRAM-OR-FOLDER...

Packs each by each method, and once with its marks changed. ELF programs must be what they were, byte for byte. Of PE images
imports, exports, resources, relocations and the entry must be the same, and the sections, beside the tables of imports, the tree of
resources (whose order the packer changes) and what it drops (debug directories, signatures). Prints every difference and how many were equal. Ends with 1 if any
differs, if a method was never used, or if there was no ELF or no PE.
"""
import os
import shutil
import subprocess
import sys

import pefile

SIZES = 8_000, 1_200_000       # of programs that are packed
FILES_MAX = 12                 # of each format
PADDING = 16                   # behind each resource
BRUTE_MAX = 30_000             # size of programs for which all that UPX can do is tried
METHODS = {'nrv2b': ['--nrv2b'], 'nrv2d': ['--nrv2d'], 'nrv2e': ['--nrv2e'], 'lzma': ['--lzma'], 'best': ['--best']}
FILTERS = ['0x11', '0x13', '0x14', '0x15', '0x16', '0x24', '0x25', '0x26', '0x46', '0x49']


def tables(pe):
    imports = sorted(((library.dll.lower(), f.name or f.ordinal, f.address)
                      for library in getattr(pe, 'DIRECTORY_ENTRY_IMPORT', []) for f in library.imports), key=str)
    exports = getattr(pe, 'DIRECTORY_ENTRY_EXPORT', None)
    exports = [(f.ordinal, f.name, f.address, f.forwarder) for f in exports.symbols] if exports else []
    resources = []

    def walk(directory, path):
        for entry in directory.entries:
            name = path + (str(entry.name or entry.id),)
            if hasattr(entry, 'directory'):
                walk(entry.directory, name)
            else:
                place = entry.data.struct
                resources.append((name, place.OffsetToData, pe.get_data(place.OffsetToData, place.Size)))
    if hasattr(pe, 'DIRECTORY_ENTRY_RESOURCE'):
        walk(pe.DIRECTORY_ENTRY_RESOURCE, ())
    relocations = sorted(entry.rva for block in getattr(pe, 'DIRECTORY_ENTRY_BASERELOC', [])
                         for entry in block.entries if entry.type)
    return {'imports': imports, 'exports': exports, 'resources': resources, 'relocations': relocations,
            'entry': pe.OPTIONAL_HEADER.AddressOfEntryPoint}


def table_parts(pe):
    """Addresses of what may be written in another order: tables of imports, the tree of resources; and of debug data."""
    directories = pe.OPTIONAL_HEADER.DATA_DIRECTORY
    pointer = 8 if pe.PE_TYPE == pefile.OPTIONAL_HEADER_MAGIC_PE_PLUS else 4
    parts = [(directories[at].VirtualAddress, directories[at].Size) for at in (1, 6, 12)]
    for library in getattr(pe, 'DIRECTORY_ENTRY_IMPORT', []):
        row = library.struct
        parts.append((row.Name, len(library.dll) + 4))
        for table in (row.OriginalFirstThunk, row.FirstThunk):
            parts.append((table, (len(library.imports) + 1) * pointer))
        parts += [(f.hint_name_table_rva, len(f.name) + 6) for f in library.imports if f.name]
    tree = directories[2].VirtualAddress
    resources = tables(pe)['resources']
    parts += [(place + len(content), -len(content) % PADDING) for _, place, content in resources]
    first = min((place for _, place, _ in resources), default=tree)
    parts.append((tree, first - tree))
    for entry in getattr(pe, 'DIRECTORY_ENTRY_DEBUG', []):
        parts.append((entry.struct.AddressOfRawData, entry.struct.SizeOfData))
    return [(start, start + length) for start, length in parts if start and length > 0]


def differences_of_images(one, other):
    one, other = pefile.PE(one), pefile.PE(other)
    was, became = tables(one), tables(other)
    found = [name for name in was if was[name] != became[name]]
    ignored = bytearray(one.OPTIONAL_HEADER.SizeOfImage + 0x1000)
    for start, end in table_parts(one) + table_parts(other):
        ignored[start:end] = b'\1' * len(ignored[start:end])
    for before, after in zip(one.sections, other.sections):
        size = min(before.Misc_VirtualSize, before.SizeOfRawData)
        before_bytes, after_bytes = before.get_data()[:size], after.get_data()[:size].ljust(size, b'\0')
        wrong = [at for at in range(size) if before_bytes[at] != after_bytes[at]
                 and not ignored[before.VirtualAddress + at]]
        if wrong:
            found.append(f'{before.Name} at {wrong[0]:#x} and {len(wrong) - 1} more')
    return found


def unpacked(unpack, packed, folder):
    """What was said of a packed program, and where what it unpacks to stands."""
    path = os.path.join(folder, os.path.basename(packed))
    if os.path.exists(path):
        os.remove(path)
    said = subprocess.run([unpack, folder, packed], stdout=subprocess.PIPE, text=True, check=True).stdout
    return said.strip().rsplit(': ', 1)[-1], path


def altered(packed, copy):
    """A copy in which the packer's marks are others, as malware does it."""
    content = open(packed, 'rb').read()
    open(copy, 'wb').write(content.replace(b'UPX!', b'ABCD'))


def programs(paths):
    files = [path for path in paths if os.path.isfile(path)]
    for folder in (path for path in paths if os.path.isdir(path)):
        files += sorted(os.path.join(root, name) for root, _, names in os.walk(folder) for name in names)
    chosen = {'elf': [], 'pe': []}
    for path in files:
        if os.path.islink(path) or not SIZES[0] < os.path.getsize(path) < SIZES[1]:
            continue
        start = open(path, 'rb').read(4)
        kind = 'elf' if start == b'\x7fELF' else 'pe' if start[:2] == b'MZ' else None
        if kind and len(chosen[kind]) < FILES_MAX:
            chosen[kind].append(path)
    return chosen


def main():
    upx, unpack, work, *paths = sys.argv[1:]
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(os.path.join(work, 'out'))
    counts, wrong = {}, 0
    for kind, files in programs(paths).items():
        for path in files:
            methods = dict(METHODS)
            if kind == 'pe':
                methods.update({f'filter {number}': ['--nrv2e', f'--filter={number}'] for number in FILTERS})
            if os.path.getsize(path) < BRUTE_MAX:
                methods['brute'] = ['--brute']
            for method, options in methods.items():
                packed = os.path.join(work, os.path.basename(path))
                if os.path.exists(packed):
                    os.remove(packed)
                done = subprocess.run([upx, '-q', *options, '-o', packed, path], stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL)
                # UPX does not take every program: libraries without a place for it, what became no smaller.
                if done.returncode or not os.path.exists(packed):
                    continue
                copy = os.path.join(work, 'altered')
                altered(packed, copy)
                for tried, expected in ((packed, ['packed.upx.opened']),
                                        (copy, ['packed.upx.altered_marks', 'packed.upx.opened'])):
                    said, result = unpacked(unpack, tried, os.path.join(work, 'out'))
                    if said.split(', ') != expected:
                        found = [f'said: {said}']
                    elif kind == 'elf':
                        found = [] if open(path, 'rb').read() == open(result, 'rb').read() else ['other bytes']
                    else:
                        found = differences_of_images(path, result)
                    if found:
                        wrong += 1
                        print(f'{path} by {method}: {", ".join(found)}')
                    else:
                        counts[kind, method] = counts.get((kind, method), 0) + 1
    for kind in ('elf', 'pe'):
        print(f'{kind}: ' + ', '.join(f'{count} by {method}' for (of, method), count in counts.items() if of == kind))
        missing = [method for method in METHODS if not counts.get((kind, method))]
        if missing:
            wrong += 1
            print(f'{kind}: nothing was packed by {", ".join(missing)}')
    print(f'{sum(counts.values())} programs are what they were, {wrong} are not')
    sys.exit(1 if wrong else 0)


main()
