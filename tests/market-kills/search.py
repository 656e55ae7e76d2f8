"""Looks for a key and its passphrase in the memory and in the surroundings of processes, and in files.

    search.py < QUESTION      one JSON object: key (hexadecimal), passphrase, processes (ids), files (paths), seen (keys of
                              text that was searched before)

Prints one JSON object. `processes` has for each id its name, how many bytes of memory were read, and what was found where;
a process that ended meanwhile is left out. A process of its own, so that the test that asks goes on meanwhile.

A half of the key is enough: its bytes as they are, or backwards, as limbs of a number lie in memory; its digits in either
case; and the passphrase.
"""

import json
import os
import sys

CHUNK = 4 << 20
PAGE = os.sysconf("SC_PAGE_SIZE")
STEP = 512 * PAGE


def patterns(key, passphrase):
    wanted = {"passphrase": passphrase.encode()}
    for name, half in [("first half", key[:16]), ("second half", key[16:])]:
        wanted[f"{name} of the key"] = half
        wanted[f"{name} of the key, backwards"] = half[::-1]
        wanted[f"{name} of the key, hexadecimal"] = half.hex().encode()
        wanted[f"{name} of the key, upper-case hexadecimal"] = half.hex().upper().encode()
    return wanted


def populated(places, start, end):
    """The parts of a mapping that have pages, in memory or swapped out, to two megabytes: some programs map gigabytes and
    use little of it. What is no page yet is zeros, or the file's."""
    run = None
    for address in range(start, end, STEP):
        places.seek(address // PAGE * 8)
        wanted = (min(address + STEP, end) - address) // PAGE * 8
        entries = places.read(wanted)
        if len(entries) < wanted or any(entries):
            run = (run or (address,))[0], min(address + STEP, end)
        elif run:
            yield run
            run = None
    if run:
        yield run


class Search:
    def __init__(self, wanted):
        self.wanted = wanted
        self.overlap = max(len(pattern) for pattern in wanted.values()) - 1

    def stream(self, read, size):
        """What is found in `size` bytes, and how many of them could be read."""
        found, done, before = set(), 0, b""
        while done < size:
            data = read(done, min(CHUNK, size - done))
            if not data:
                break
            text = before + data
            found.update(name for name, pattern in self.wanted.items() if pattern in text)
            before, done = text[-self.overlap :], done + len(data)
        return found, done

    def file(self, path):
        with open(path, "rb") as file:
            found, read = self.stream(lambda _, length: file.read(length), os.fstat(file.fileno()).st_size)
        return {"bytes": read, "found": sorted(found)}

    def process(self, process, seen):
        """Memory, environment and command line."""
        name = open(f"/proc/{process}/comm").read().strip()
        found, bytes_read, unread = [], 0, 0
        for place in ("environ", "cmdline"):
            with open(f"/proc/{process}/{place}", "rb") as file:
                data = file.read()
            found += [f"{place}: {what}" for what, pattern in self.wanted.items() if pattern in data]
        with open(f"/proc/{process}/maps") as file:
            maps = file.read().splitlines()
        places = open(f"/proc/{process}/pagemap", "rb", buffering=0)
        with places, open(f"/proc/{process}/mem", "rb", buffering=0) as memory:
            for line in maps:
                addresses, modes, offset, device, inode, *path = line.split(maxsplit=5)
                if "r" not in modes:
                    continue
                # What every process maps of the same program is looked at once.
                text = f"{device} {inode} {offset}"
                if inode != "0" and modes == "r-xp":
                    if text in seen:
                        continue
                    seen.add(text)
                start, end = (int(address, 16) for address in addresses.split("-"))
                for run_start, run_end in populated(places, start, end):

                    def read(at, length, start=run_start):
                        try:
                            memory.seek(start + at)
                            return memory.read(length)
                        except (OSError, ValueError, OverflowError):
                            return b""

                    there, done = self.stream(read, run_end - run_start)
                    bytes_read += done
                    unread += run_end - run_start - done
                    found += [f"{' '.join(path) or 'memory'}: {what}" for what in sorted(there)]
        return {"name": name, "bytes": bytes_read, "unread": unread, "found": found}


def main():
    question = json.load(sys.stdin)
    search = Search(patterns(bytes.fromhex(question["key"]), question["passphrase"]))
    seen = set(question.get("seen", []))
    processes, refused, files = {}, {}, {}
    for process in question.get("processes", []):
        try:
            processes[process] = search.process(process, seen)
        except PermissionError as error:
            refused[process] = str(error)
        except (OSError, ValueError):
            pass
    for path in question.get("files", []):
        try:
            files[path] = search.file(path)
        except OSError:
            pass
    json.dump({"processes": processes, "refused": refused, "files": files, "seen": sorted(seen)}, sys.stdout)


if __name__ == "__main__":
    main()
