#!/usr/bin/env bash
# What scanning behind a queue costs, all on this machine: processor time per job of our consumer and of the worker of
# polyswarm-client 2.13.3 with the same YARA rules, of our frontend, and jobs per second with several consumers.
#
#   RULES_DIR=folder benches/queue.sh DIRECTORY [JOBS]      DIRECTORY has stakeout and stakeout-worker; 400 jobs
#
# Prints one JSON object a run; with ONLY=frontend those of the frontend alone. Needs redis-server and Python 3.8, as
# tests/queue/run does, which makes its environment.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd) bin=$(cd "$1" && pwd) jobs=${2:-400}
target=${STAKEOUT_TARGET:-$(dirname "$bin")}
exec "$target/polyswarm-client/bin/python" "$here/queue.py" "$bin" "$jobs" "${RULES_DIR:?RULES_DIR names a folder of YARA rules}" \
    "$target" "$here/../tests/queue"
