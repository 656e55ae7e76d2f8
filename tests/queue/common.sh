# What the tests of queues share: Redis, frontends and consumers on loopback, in a directory that goes with them.
#
#   here=… bin=…; . "$here/common.sh"      `bin` has stakeout, stakeout-worker and stakeout-signer; `here` is this folder
target=${STAKEOUT_TARGET:-$(dirname "$bin")}
work=$(mktemp -d)
secret=queue-test
# A program that is small enough to be scanned in no time.
elf=$(find /usr/bin -type f -size +20k -size -60k -exec sh -c 'head -c 4 "$1" | grep -q ELF' _ {} \; -print | sort | sed -n 1p)

finish() {
    # shellcheck disable=SC2046 # several processes
    kill -CONT $(jobs -p) 2>/dev/null || true
    # shellcheck disable=SC2046
    kill $(jobs -p) 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

fail() {
    echo "FAILED: $*"
    for log in "$work"/*.log; do
        echo "--- $log"
        tail -n 15 "$log"
    done
    exit 1
}
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
until_true() { # SECONDS COMMAND…
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.2
    done
}
said() { # JSON EXPRESSION: a Python expression about the object `r`
    python3 -c 'import json, sys; r = json.loads(sys.argv[1]); sys.exit(not eval(sys.argv[2]))' "$1" "$2" ||
        fail "not so: $2 in $1"
}

redis=$(free_port)
start_redis() {
    redis-server --port "$redis" --bind 127.0.0.1 --save '' --appendonly yes --appendfsync always --dir "$work" \
        --loglevel warning >>"$work/redis.log" 2>&1 &
    redis_pid=$!
    until_true 20 redis-cli -p "$redis" ping || fail "Redis does not start"
}
count() { # QUEUE WHAT: a count of a queue of streams
    local counted
    counted=$(redis-cli -p "$redis" hget "{$1}:counts" "$2")
    echo "${counted:-0}"
}
counted() { [ "$(count "$1" "$2")" -ge "$3" ]; } # QUEUE WHAT LEAST

consumer() { # NAME QUEUE DIALECT [OPTIONS…]
    local name=$1 queue=$2 dialect=$3
    shift 3
    TMPDIR=$work XDG_CACHE_HOME=$target/cache "$bin/stakeout" consume --redis-addr "127.0.0.1:$redis" --queue "$queue" \
        --dialect "$dialect" --name "$name" --allow-network 127.0.0.0/8 --workers 1 --liveness-file "$work/liveness-$name" \
        "$@" >>"$work/consumer-$name.log" 2>&1 &
    consumer_pid=$!
    until_true 120 grep -c 'taking jobs' "$work/consumer-$name.log" || fail "the consumer $name does not start"
}
# Keys of the configuration besides those of [queue], for the next frontend.
more_keys=
frontend() { # NAME: the section [queue], and other sections, come from standard input
    webhook=$(free_port) admin=$(free_port) market=$(free_port) handed=$(free_port)
    mkdir -m 700 "$work/$1"
    {
        cat <<TOML
webhook.listen = "127.0.0.1:$webhook"
admin.listen = "127.0.0.1:$admin"
answers.hosts = ["http://127.0.0.1:$market"]
intake.allow_networks = ["127.0.0.0/8"]
archive.directory = "$work/$1"
scan.workers = 1
scan.rules_cache = "$target/cache/stakeout/rules"
market.stake_hour_max = "none"
market.stake_day_max = "none"
market.stake_open_max = "none"
$more_keys
[queue]
redis = "127.0.0.1:$redis"
frontend = "$1"
artifacts_listen = "127.0.0.1:$handed"
artifacts_url = "http://127.0.0.1:$handed"
TOML
        cat
    } >"$work/$1.toml"
    more_keys=
    start_frontend "$1"
}
start_frontend() { # NAME: one that is configured
    STAKEOUT_WEBHOOK_SECRET=$secret "$bin/stakeout" daemon --config "$work/$1.toml" >>"$work/$1.log" 2>&1 &
    frontend_pid=$!
    until_true 120 curl -sf "http://127.0.0.1:$admin/ready" || fail "the frontend $1 does not start"
}
metric() { # NAME{LABELS} of the last frontend
    curl -sf "http://127.0.0.1:$admin/metrics" | awk -v name="$1" '$1 == name { print $2 }'
}
stop() { # PID: asks it to end, and waits
    kill "$1"
    wait "$1" || fail "process $1 ended with $?"
}

# Programs of polyswarm-client 2.13.3, made where Python 3.8 is.
client=$target/polyswarm-client/bin
have_client() {
    local python38
    if [ ! -x "$client/worker" ]; then
        python38=$(ls -d "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.8.*/bin/python 2>/dev/null | tail -n 1 || true)
        python38=${python38:-$(command -v python3.8 || true)}
        if [ -n "$python38" ]; then
            "$python38" -m venv --clear "$target/polyswarm-client"
            "$client/pip" install --quiet polyswarm-client==2.13.3 yara-python || rm -rf "$target/polyswarm-client"
        fi
    fi
    [ -x "$client/worker" ]
}
