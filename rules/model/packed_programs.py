"""Writes which program each file of the packed goodware is (sha256,program), from the lists that corpus/collect.py leaves in CORPUS/parts.

usage: packed_programs.py CORPUS OUT.csv
A packed file is called PACKER_PROGRAM in a folder of its packer; an unpacked one PROGRAM.
"""
import csv
import os
import sys

corpus, out = sys.argv[1:3]
rows = []
for source in ('packingdata', 'packed-elf'):
    with open(f'{corpus}/parts/{source}.csv', newline='') as file:
        for sha, path, *_ in csv.reader(file):
            folder, name = os.path.split(path.lower())
            if 'notpacked' not in folder and 'not-packed' not in folder:
                name = name.split('_', 1)[-1]
            rows.append((sha, os.path.splitext(name)[0] if source == 'packingdata' else name))
with open(out, 'w', newline='') as file:
    writer = csv.writer(file, lineterminator='\n')
    writer.writerow(('sha256', 'program'))
    writer.writerows(sorted(rows))
