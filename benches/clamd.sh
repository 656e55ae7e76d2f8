#!/usr/bin/env bash
# Streams (INSTREAM) through stakeout and through ClamAV's clamd, turn by turn, with the same YARA rules and the same bytes:
# processor time of all of a daemon's processes and streams per second, medians. Prints a table.
#
#   RULES_DIR=folder benches/clamd.sh DIRECTORY [RUNS]      DIRECTORY has stakeout and stakeout-worker; 5 runs
#
# Of the rules, those files count that clamd loads whole: it knows no modules. Ours are left out. Needs clamd and clamscan.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd) bin=$(cd "$1" && pwd)
exec python3 "$here/clamd.py" "$bin" "${RULES_DIR:?RULES_DIR names a folder of YARA rules}" "${2:-5}"
