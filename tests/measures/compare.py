"""Measures compared with what pefile and pyelftools read of the same files.

usage: compare.py STAKEOUT FOLDER...

Scans the PE and ELF files in the folders with `scan --ndjson --measures` and reads each with the other library. Prints every
difference, and how many files were equal. Ends with 1 if any differs, or if there was no PE or no ELF.
"""
import json
import subprocess
import sys

import pefile
from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

FILES_MAX = 400          # of each family: the folders of a system have thousands
DIFFERENCES_SHOWN = 20


def read_pe(path):
    pe = pefile.PE(path)
    optional, file = pe.OPTIONAL_HEADER, pe.FILE_HEADER
    imports = getattr(pe, 'DIRECTORY_ENTRY_IMPORT', [])
    delayed = getattr(pe, 'DIRECTORY_ENTRY_DELAY_IMPORT', [])
    functions = [f for library in [*imports, *delayed] for f in library.imports]
    exports = getattr(pe, 'DIRECTORY_ENTRY_EXPORT', None)
    sections = pe.sections
    names = ['export', 'import', 'resource', 'exception', 'certificate', 'relocation', 'debug']
    directories = optional.DATA_DIRECTORY
    return {
        'header.plus': int(pe.PE_TYPE == pefile.OPTIONAL_HEADER_MAGIC_PE_PLUS),
        'header.sections': file.NumberOfSections,
        'header.library': int(bool(file.Characteristics & 0x2000)),
        'header.large_addresses': int(bool(file.Characteristics & 0x20)),
        'header.code': optional.SizeOfCode,
        'header.entry': optional.AddressOfEntryPoint,
        'header.section_alignment': optional.SectionAlignment,
        'header.file_alignment': optional.FileAlignment,
        'header.size': optional.SizeOfHeaders,
        'header.checksum': int(pe.generate_checksum() == optional.CheckSum),
        'header.subsystem': optional.Subsystem,
        'header.no_execute': int(bool(optional.DllCharacteristics & 0x100)),
        'header.control_flow_guard': int(bool(optional.DllCharacteristics & 0x4000)),
        'section.executable': sum(bool(s.Characteristics & 0x20000000) for s in sections),
        'section.writable': sum(bool(s.Characteristics & 0x80000000) for s in sections),
        'section.without_data': sum(s.SizeOfRawData == 0 for s in sections),
        'imports.functions': len(functions),
        'imports.libraries': len(imports) + len(delayed),
        'imports.ordinals': sum(bool(f.import_by_ordinal) for f in functions),
        'exports.functions': min(exports.struct.NumberOfFunctions, 100_000) if exports else 0,
        'exports.names': min(exports.struct.NumberOfNames, 100_000) if exports else 0,
        **{f'directory.{n}': d.Size if d.VirtualAddress else 0 for n, d in zip(names, directories)},
    }


def read_elf(path):
    with open(path, 'rb') as file:
        elf = ELFFile(file)
        header, segments = elf.header, list(elf.iter_segments())
        loaded = [s for s in segments if s['p_type'] == 'PT_LOAD']
        dynamic = [s for s in segments if s['p_type'] == 'PT_DYNAMIC']
        needed = sum(t.entry.d_tag == 'DT_NEEDED' for s in dynamic for t in s.iter_tags())
        size = lambda name: s['sh_size'] if (s := elf.get_section_by_name(name)) else 0
        return {
            'header.wide': int(elf.elfclass == 64),
            'header.big_endian': int(not elf.little_endian),
            'header.fixed': int(header['e_type'] == 'ET_EXEC'),
            'header.segments': header['e_phnum'],
            'header.sections': header['e_shnum'],
            'header.entry_in_page': header['e_entry'] & 0xfff,
            'segment.loaded': len(loaded),
            'segment.writable_code': sum(s['p_flags'] & 3 == 3 for s in loaded),
            'segment.interpreter': int(any(s['p_type'] == 'PT_INTERP' for s in segments)),
            'segment.dynamic': int(bool(dynamic)),
            'segment.thread_storage': int(any(s['p_type'] == 'PT_TLS' for s in segments)),
            'segment.zeros': sum(max(s['p_memsz'] - s['p_filesz'], 0) for s in loaded),
            'section.text_bytes': size('.text'),
            'section.rodata_bytes': size('.rodata'),
            'section.data_bytes': size('.data'),
            'section.dynsym_bytes': size('.dynsym'),
            'symbol.libraries': needed,
        }


def main():
    scan = [sys.argv[1], 'scan', '--ndjson', '--measures', '--quiet', '--no-yara', *sys.argv[2:]]
    lines = subprocess.run(scan, stdout=subprocess.PIPE, check=False).stdout.splitlines()
    read, compared, different = {'pe': read_pe, 'elf': read_elf}, {'pe': 0, 'elf': 0}, []
    for line in lines:
        record = json.loads(line)
        own = next((m for m in record.get('measures') or [] if m['layer'] == ''), None)
        if own is None or compared[own['family']] >= FILES_MAX:
            continue
        try:
            other = read[own['family']](record['path'])
        except (pefile.PEFormatError, ELFError) as error:
            different.append(f'{record["path"]}: {own["family"]} cannot be read by the other library: {error}')
            continue
        compared[own['family']] += 1
        for name, value in other.items():
            # Values have 24 binary digits.
            if abs(own['values'][name] - value) > value / 2 ** 23:
                different.append(f'{record["path"]}: {name} is {own["values"][name]:.0f} here and {value} there')
    print('\n'.join(different[:DIFFERENCES_SHOWN]))
    print(f'measures: {compared["pe"]} PE and {compared["elf"]} ELF files compared, {len(different)} differences')
    sys.exit(1 if different or not all(compared.values()) else 0)


main()
