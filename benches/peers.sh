#!/bin/sh
# Compares stakeout with its peers, and with the floor that no program can be faster than. Prints one table.
#
#   benches/peers.sh              on a Debian machine; as root also with a cold page cache
#   PE_DIR=folder benches/peers.sh    with the PE files of that folder
#   RUNS=3 FILES=5000 benches/peers.sh    shorter
#
# Builds the release binary and the floors (benches/peers/*.c), and installs pefile and pyelftools into
# an environment of their own outside the checkout. As root it drops the machine's page cache, which
# slows other programs down for a moment. What cannot be had is skipped, counted and named; nothing here
# fails a test.
set -eu
repo=$(cd "$(dirname "$0")/.." && pwd)
cache=${XDG_CACHE_HOME:-${HOME:?HOME is not set}/.cache}/stakeout-peers
mkdir -p "$cache"

for tool in cargo cc python3; do
    command -v "$tool" >/dev/null || {
        echo "error: $tool is not installed; hint: apt-get install build-essential python3-venv, and Rust by rustup" >&2
        exit 2
    }
done
if ! command -v file >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get install -y -q file >&2 || echo "warning: cannot install file; it is left out" >&2
fi

echo "building stakeout and the floors" >&2
(cd "$repo" && cargo build --quiet --release -p stakeout)
target=$(cd "$repo" && cargo metadata --format-version 1 --no-deps | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
for floor in floor floor_uring; do
    cc -O2 -Wall -o "$cache/$floor" "$repo/benches/peers/$floor.c"
done

python=$cache/venv/bin/python
if ! "$python" -c 'import pefile, elftools' 2>/dev/null; then
    echo "installing pefile and pyelftools into $cache/venv" >&2
    { python3 -m venv "$cache/venv" && "$python" -m pip install --quiet pefile==2024.8.26 pyelftools==0.33; } >&2 || {
        echo "warning: cannot install them (is python3-venv there, and a network?); they are left out" >&2
        python=
    }
fi

echo "$(date -u +%Y-%m-%d), Linux $(uname -r), $(nproc) processors, commit $(git -C "$repo" rev-parse --short HEAD 2>/dev/null || echo unknown)"
echo
python3 "$repo/benches/peers/compare.py" "$cache" "$target/release/stakeout" "$python"
