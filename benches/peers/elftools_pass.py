"""The peer of a full ELF examination: pyelftools goes through segments, sections, dynamic tags and symbols.

Reads a list of paths, one a line; prints the processor time of the pass over them in seconds, without what
starting Python and importing pyelftools cost, and how many files it could parse.
"""

import sys
import time

from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import NoteSection, SymbolTableSection

paths = open(sys.argv[1]).read().splitlines()
parsed = 0
begun = time.process_time()
for path in paths:
    try:
        with open(path, "rb") as file:
            elf = ELFFile(file)
            for segment in elf.iter_segments():
                segment.header
            for section in elf.iter_sections():
                section.name
                if isinstance(section, DynamicSection):
                    list(section.iter_tags())
                elif isinstance(section, SymbolTableSection):
                    for symbol in section.iter_symbols():
                        symbol.name
                elif isinstance(section, NoteSection):
                    list(section.iter_notes())
            parsed += 1
    except (ELFError, UnicodeDecodeError, ValueError):
        pass
print(time.process_time() - begun, parsed)
