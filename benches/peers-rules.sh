#!/bin/sh
# Compares scanning by rules and of macros with yr (YARA-X), yara, olevba and mraptor. Prints one table.
#
#   RULES_DIR=folder benches/peers-rules.sh         rules of anyone's; ours are left out, so that both sides have the same
#   PE_DIR=folder OFFICE_DIR=folder ... benches/peers-rules.sh    with PE files, and documents with macros
#   RUNS=3 benches/peers-rules.sh                   shorter
#
# Beside the files of this machine it scans wheels of Python packages of fixed versions (peers/fileset.py), which are the
# same files on any machine.
#
# Builds the release binaries and benches/hop.c, installs yr from crates.io, yara by apt and oletools from PyPI,
# all outside the checkout. What cannot be had is skipped, counted and named; nothing here fails a test.
set -eu
repo=$(cd "$(dirname "$0")/.." && pwd)
cache=${XDG_CACHE_HOME:-${HOME:?HOME is not set}/.cache}/stakeout-peers
mkdir -p "$cache"

echo "building stakeout" >&2
(cd "$repo" && cargo build --quiet --release -p stakeout -p daemon-examiner && cargo build --quiet --release -p daemon-worker --example hop)
target=$(cd "$repo" && cargo metadata --format-version 1 --no-deps | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
cc -O2 -Wall -o "$cache/hop" "$repo/benches/hop.c"

yr=${YR:-$cache/yr-native/bin/yr}
if [ ! -x "$yr" ]; then
    echo "installing yr into $cache/yr-native (takes minutes)" >&2
    # Its rules hold native code too, as ours do: without that feature it compiles them at each start, for a second.
    cargo install --quiet --locked yara-x-cli --version 1.22.1 --features native-code-serialization --root "$cache/yr-native" >&2 || yr=
fi
if ! command -v yara >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get install -y -q yara >&2 || echo "warning: cannot install yara; it is left out" >&2
fi
python=$cache/ole/bin/python
if ! "$python" -c 'import oletools' 2>/dev/null; then
    { python3 -m venv --clear "$cache/ole" && "$python" -m pip install --quiet oletools==0.60.2; } >&2 || python=
fi

echo "$(date -u +%Y-%m-%d), Linux $(uname -r), $(nproc) processors, commit $(git -C "$repo" rev-parse --short HEAD 2>/dev/null || echo unknown)"
echo
python3 "$repo/benches/peers/rules.py" "$cache" "$target/release" "$yr" "$python"
