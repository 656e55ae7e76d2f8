# What steps on the fresh machine are written in; sourced. Expects `report`.

fail() { echo "FAILED: $*"; exit 1; }
ok() { echo "ok $* ($SECONDS s)"; }
# As somebody who has nothing but these groups.
as() { setpriv --reuid "$1" --regid "$1" --init-groups "${@:2}"; }
# Waits until a command succeeds.
until_true() {
    local what=$1 end=$((SECONDS + 60)); shift
    until "$@" >/dev/null 2>&1; do [ $SECONDS -lt $end ] || fail "$what never comes true"; sleep 0.1; done
}
# A property of a unit, as systemd tells it.
property() { systemctl show -P "$1" "${2:-stakeout}"; }
# How far the sandbox of a unit file goes, as `systemd-analyze security` counts: at most $2, in tenths.
exposed() {
    local score
    score=$(systemd-analyze security --offline=true --no-pager "$1" | sed -n 's/.*Overall exposure level.*: \([0-9]*\)\.\([0-9]\) .*/\1\2/p')
    [ -n "$score" ] && [ "$((10#$score))" -le "$2" ] || fail "$1 has an exposure of ${score:-?} tenths, more than $2"
    echo "  exposure of ${1##*/}: ${score%?}.${score: -1}"
}
