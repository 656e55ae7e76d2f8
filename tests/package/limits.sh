# Part of steps: what happens at the limits of the unit.

drop_in() { # UNIT LINE...
    mkdir -p "/run/systemd/system/$1.d"
    printf '[Service]\n' >"/run/systemd/system/$1.d/test.conf"
    printf '%s\n' "${@:2}" >>"/run/systemd/system/$1.d/test.conf"
    systemctl daemon-reload
}
ready() { stakeout health --config $config >/dev/null; }

# A daemon that makes no progress is killed and started again.
drop_in stakeout.service WatchdogSec=2 RestartSec=100ms
systemctl restart stakeout
until_true "the daemon" ready
pid=$(property MainPID)
kill -STOP "$pid"
another() { local now; now=$(property MainPID); [ "$now" != 0 ] && [ "$now" != "$pid" ] && ready; }
until_true "another daemon" another
[ "$(property NRestarts)" = 1 ] || fail "it was started again $(property NRestarts) times"
result=$(market post 2) || fail "$result"
ok "the watchdog replaces a daemon that hangs"

# Less memory: less for workers, told in the log; too little: it is killed and tried again, until there is more.
drop_in stakeout.service MemoryMax=256M RestartSec=100ms
systemctl restart stakeout
until_true "the daemon with 256 MiB" ready
grep -q 'memory limit lowered' "$log" || fail "nothing is lowered: $(tail -n 5 "$log")"
result=$(market post 5) || fail "$result"
said "$result" "r['malicious'] == 5"
drop_in stakeout.service MemoryMax=16M RestartSec=100ms
systemctl restart --no-block stakeout
killed() { [ "$(property NRestarts)" -ge 3 ]; }
until_true "three starts with 16 MiB" killed
drop_in stakeout.service RestartSec=100ms
systemctl restart stakeout
until_true "the daemon with memory" ready
[ -z "$(find /var/lib/stakeout ! -user stakeout)" ] || fail "not the daemon's: $(find /var/lib/stakeout ! -user stakeout)"
stakeout archive verify --config $config >/dev/null || fail "the archive is damaged"
ok "within less memory it works; with too little it is tried again"

# A full disk: what cannot be written down is refused, and taken again when there is room.
systemctl stop stakeout
cp -a /var/lib/stakeout /run/archive
mount -t tmpfs -o size=48M,mode=700,uid="$(id -u stakeout)",gid="$(id -g stakeout)" tmpfs /var/lib/stakeout
cp -a /run/archive/. /var/lib/stakeout/
systemctl start stakeout
until_true "the daemon on a small disk" ready
setpriv --reuid stakeout --regid stakeout --clear-groups head -c 48M /dev/zero >/var/lib/stakeout/filler 2>/dev/null || true
# Some more fit into pages that the journal has already.
refuses() { result=$(market post 8) || return; [[ $result == *'"503"'* ]]; }
until_true "a refusal" refuses
rm /var/lib/stakeout/filler
takes() { result=$(market post 1) && [[ $result == *'"202": 1'* ]]; }
until_true "a bounty with room" takes
stakeout archive verify --config $config >/dev/null || fail "the archive is damaged"
systemctl stop stakeout
cp -a /var/lib/stakeout/. /run/archive/
umount /var/lib/stakeout
cp -a /run/archive/. /var/lib/stakeout/
rm -rf /run/archive
systemctl start stakeout
until_true "the daemon on its disk" ready
ok "a full disk refuses bounties, and room takes them again"

# Stopped, it first answers what it took: the file comes two seconds later.
market post 3 2 >"$report/drain" &
posting=$!
open() { [ "$(curl -s http://127.0.0.1:9181/metrics | grep -c '^stakeout_open_bounties{state="fetching"} 3')" = 1 ]; }
until_true "three open bounties" open
systemctl stop stakeout
[ "$(property Result)" = success ] || fail "it ended with $(property Result)"
wait $posting || fail "$(cat "$report/drain")"
said "$(cat "$report/drain")" "r['answered'] == r['malicious'] == 3"
rm -rf /run/systemd/system/stakeout.service.d/test.conf
systemctl daemon-reload
systemctl start stakeout
until_true "the daemon" ready
ok "stopped, it answers what it took"
