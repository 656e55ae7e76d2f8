#!/usr/bin/env bash
# Sets a marketplace on loopback upon stakeout and upon PolySwarm's own polyswarm-engine (gunicorn, two Celery processes
# over Redis, yara-python), turn by turn, with the same YARA rules and the same artifacts. Prints one JSON object a run.
#
#   RULES_DIR=folder benches/bounties.sh          rules of anyone's, for both; ours are left out
#   RUNS=5 BOUNTIES=2000 PEER_BOUNTIES=500 ...    more or fewer runs, and bounties a run
#   DIRECTORY=folder                              where the archive lies: its disk is what every answer waits for
#
# All durability is on. Needs redis-server and python3 with venv; installs the peer from PyPI, outside the checkout.
set -euo pipefail
repo=$(cd "$(dirname "$0")/.." && pwd)
cache=${XDG_CACHE_HOME:-${HOME:?HOME is not set}/.cache}/stakeout-peers
rules=${RULES_DIR:?RULES_DIR names a folder of YARA rules}
runs=${RUNS:-3} bounties=${BOUNTIES:-1000} peer_bounties=${PEER_BOUNTIES:-300}
mkdir -p "$cache"
work=$(mktemp -d "${DIRECTORY:-$cache}/bounties.XXXXXX")
secret=measured

echo "building" >&2
(cd "$repo" && cargo build --quiet --release -p stakeout -p daemon-examiner -p testkit --bins --examples)
target=$(cd "$repo" && cargo metadata --format-version 1 --no-deps | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')/release
python=$cache/engine/bin/python
if ! "$python" -c 'import polyswarm_engine, gunicorn, redis, yara' 2>/dev/null; then
    python3 -m venv --clear "$cache/engine"
    "$python" -m pip install --quiet polyswarm_engine==3.2.5 flask gunicorn packaging redis yara-python
fi

stop() {
    # shellcheck disable=SC2046 # several processes
    kill $(jobs -p) 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap stop EXIT

# Artifacts: programs of this machine of about 64 KiB.
find /usr/bin /usr/sbin -xdev -type f -size +55k -size -73k 2>/dev/null | sort | while read -r path; do
    [ "$(head -c 4 "$path" | tail -c 3)" = ELF ] && echo "$path"
done | sed -n 1,64p >"$work/elf.list"
# And texts of that size, which nobody examines: magic bytes decline them.
for i in $(seq 16); do
    head -c 48500 /dev/urandom | base64 -w 76 >"$work/text-$i"
    echo "$work/text-$i"
done >"$work/text.list"

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
market=$(free_port) webhook=$(free_port) admin=$(free_port) peer=$(free_port) broker=$(free_port)

cat >"$work/stakeout.toml" <<TOML
webhook.listen = "127.0.0.1:$webhook"
admin.listen = "127.0.0.1:$admin"
answers.hosts = ["http://127.0.0.1:$market"]
intake.allow_networks = ["127.0.0.0/8"]
archive.directory = "$work/archive"
scan.rules = ["$rules"]
scan.shipped_rules = false
scan.rules_cache = "$cache/rules"
log.level = "warn"
# Thousands of stakes a minute: nothing is to stop them.
market.stake_hour_max = "none"
market.stake_day_max = "none"
market.stake_open_max = "none"
market.loss_day_max = "none"
market.loss_row_max = "none"
${EXTRA:-}
TOML
mkdir -p -m 700 "$cache/rules"
STAKEOUT_WEBHOOK_SECRET=$secret "$target/stakeout" daemon --config "$work/stakeout.toml" 2>"$work/stakeout.log" &
ours=$!

"$python" - "$rules" "$work/peer.yarc" <<'PY'
import pathlib, sys, yara
files = {str(i): str(path) for i, path in enumerate(sorted(pathlib.Path(sys.argv[1]).rglob("*.yar*")))}
rules = yara.compile(filepaths=files)
print(sum(1 for _ in rules), "rules in both engines", file=sys.stderr)
rules.save(sys.argv[2])
PY
redis-server --port "$broker" --save "" --appendonly no --dir "$work" >/dev/null &
redis=$!
export PSENGINE_BROKER_URL=redis://127.0.0.1:$broker PSENGINE_BROKER_VHOST=5 PSENGINE_WEBHOOK_SECRET=$secret LOG_LEVEL=WARNING
export PEER_RULES=$work/peer.yarc
sleep 1
(cd "$repo/benches/bounties" && exec "$python" engine.py worker -- -Q peer -c 2) >"$work/celery.log" 2>&1 &
celery=$!
(cd "$repo/benches/bounties" && exec "$python" -m gunicorn --bind "127.0.0.1:$peer" --workers 1 --threads 4 wsgi:application) >"$work/gunicorn.log" 2>&1 &
gunicorn=$!
until curl -sf "http://127.0.0.1:$admin/ready" >/dev/null; do sleep 0.2; kill -0 $ours || { cat "$work/stakeout.log"; exit 1; }; done
until curl -sf "http://127.0.0.1:$peer/peer" >/dev/null; do sleep 0.2; done
sleep 3

# One run: engine, list of artifacts, how many, how fast.
run() {
    local name=$1 list=$2 count=$3 pace=$4 url pids
    if [ "$name" = stakeout ]; then url=http://127.0.0.1:$webhook/ pids=$ours; else url=http://127.0.0.1:$peer/peer pids="$celery $gunicorn $redis"; fi
    # shellcheck disable=SC2086 # several processes
    "$target/examples/bounties" "$url" "$secret" "$work/$list.list" "$count" "$pace" "$market" $pids |
        python3 -c 'import json, sys; print(json.dumps({"engine": sys.argv[1], "artifacts": sys.argv[2], "pace": sys.argv[3], **json.load(sys.stdin)}))' "$name" "$list" "$pace"
}

# What the disk takes for a write and its sync, the same minute.
disk() {
    python3 - "$work" <<'PY'
import json, os, sys, time
path = os.path.join(sys.argv[1], "sync")
file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
os.pwrite(file, bytes(1 << 20), 0); os.fsync(file)
def measure(what, write, sync):
    times = []
    for i in range(500):
        write(i)
        begun = time.perf_counter()
        sync(file)
        times.append(time.perf_counter() - begun)
    times.sort()
    print(json.dumps({"disk": what, "p50_ms": times[250] * 1e3, "p99_ms": times[495] * 1e3}))

measure("4 KiB in place and fdatasync", lambda i: os.pwrite(file, os.urandom(4096), (i % 256) * 4096), os.fdatasync)
measure("4 KiB appended and fsync", lambda i: os.pwrite(file, os.urandom(4096), (256 + i) * 4096), os.fsync)
os.unlink(path)
PY
}

if [ -n "${KEEP:-}" ]; then trap - EXIT; echo "kept: $work" >&2; fi
run stakeout elf 100 in-flight:1 >/dev/null
run polyswarm-engine elf 50 in-flight:1 >/dev/null
for _ in $(seq "$runs"); do
    run stakeout elf "$bounties" in-flight:1
    run polyswarm-engine elf "$peer_bounties" in-flight:1
    disk
    run stakeout elf "$bounties" in-flight:8
    disk
    run polyswarm-engine elf "$peer_bounties" in-flight:8
    run stakeout text "$bounties" in-flight:8
    run polyswarm-engine text "$peer_bounties" in-flight:8
done
grep -c . "$work/stakeout.log" >&2 || true
head -n 5 "$work/stakeout.log" >&2
if [ -n "${RATE:-}" ]; then run stakeout elf "$((RATE * 20))" "per-second:$RATE"; fi
curl -s "http://127.0.0.1:$admin/metrics" | grep -E '^stakeout_(examination_seconds_(sum|count)|journal_commit_seconds_(sum|count)|journal_records_total)' >&2 || true
