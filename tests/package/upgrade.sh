# Part of steps: upgrades and roll-backs while a marketplace posts. Nobody is refused, and all that was taken is answered.

# The signer, and a consumer where there is a Redis: they are restarted too.
(umask 077; openssl rand -base64 24 >/etc/stakeout-signer/passphrase)
stakeout wallet new --keyfile /etc/stakeout-signer/keyfile.json --passphrase-file /etc/stakeout-signer/passphrase >/dev/null
cat >/etc/stakeout-signer/signer.toml <<'TOML'
[side]
chain_id = 1337
token = "0x2A2cEDE7598F91240068714fD83E449b19853Cb9"
registry = "0x21262bF29FF08691C8A72bc6f22F791996E1891F"
nonce_start = 0
TOML
# This gives the key to the signer.
systemd-tmpfiles --create stakeout.conf
[ "$(stat -c '%U %a' /etc/stakeout-signer/keyfile.json)" = "stakeout-signer 600" ] || fail "$(ls -l /etc/stakeout-signer)"
systemctl enable --now --quiet stakeout-signer
until_true "the signer" stakeout-signer status
services="stakeout stakeout-signer"
if command -v redis-server >/dev/null; then
    redis-server --port 6379 --bind 127.0.0.1 --save '' --daemonize yes --dir /run --logfile /run/redis.log >/dev/null
    sed -i 's/^STAKEOUT_CONSUME_OPTIONS=/&--no-shipped-rules/' /etc/stakeout/consume.env
    systemctl start stakeout-consume@1 || fail "the consumer does not start: $(tail -n 5 "$report/consumer")"
    services="$services stakeout-consume@1"
else
    echo "SKIPPED: the upgrade of a consumer: there is no redis-server"
fi
pids() { for unit in $services; do property MainPID "$unit"; done; }
upgraded() { # VERSION: everything runs, and is another process than before
    [ "$(dpkg-query --showformat='${Version}' --show stakeout)" = "$1" ] || fail "the version is not $1"
    local unit pid
    for unit in $services; do
        [ "$(property ActiveState "$unit")" = active ] || fail "$unit does not run: $(systemctl status "$unit")"
        pid=$(property MainPID "$unit")
        grep -qx "$pid" "$report/pids" && fail "$unit was not restarted"
        [ "$(readlink "/proc/$pid/exe")" = "/usr/bin/$(basename "$(readlink "/proc/$pid/exe")")" ] || fail "$unit runs the old program"
    done
}
put() { dpkg --force-downgrade --install "$1" >"$report/installed" 2>&1 || fail "$(cat "$report/installed")"; }

for step in "an upgrade:$next:99.0-1" "a roll-back:$first:$(dpkg-deb --field "$first" Version)"; do
    IFS=: read -r what package version <<<"$step"
    rm -f /run/end
    pids >"$report/pids"
    market steady /run/end 40 >"$report/steady" 2>&1 &
    steady=$!
    sleep 2
    cp $config /run/config
    put "$package"
    until_true "the daemon after $what" ready
    sleep 2
    touch /run/end
    wait $steady || fail "not everything was answered: $(cat "$report/steady")"
    result=$(cat "$report/steady")
    said "$result" "r['counts'] == {'202': r['posted']} and r['posted'] >= 100 and r['answered'] == r['malicious'] == r['posted']"
    upgraded "$version"
    cmp -s $config /run/config || fail "$what changed the configuration"
    echo "  $what: $(sed 's/, "ids".*/}/' <<<"$result")"
    ok "$what while 40 bounties a second come: none is refused, all are answered"
done

# The count counts: without the socket a restart refuses some.
ln -s /dev/null /etc/systemd/system/stakeout.socket
systemctl daemon-reload
systemctl stop stakeout
closed() { ! (exec 3<>/dev/tcp/127.0.0.1/8000) 2>/dev/null; }
until_true "the end of the socket" closed
systemctl start stakeout
until_true "the daemon without its socket" ready
rm -f /run/end
market steady /run/end 40 >"$report/steady" 2>&1 &
steady=$!
sleep 1
systemctl restart stakeout
until_true "the daemon without its socket" ready
touch /run/end
wait $steady || fail "not everything was answered: $(cat "$report/steady")"
said "$(cat "$report/steady")" "r['counts'].get('refused', 0) > 0"
rm /etc/systemd/system/stakeout.socket
systemctl daemon-reload
systemctl restart stakeout
until_true "the daemon" ready
ok "without stakeout.socket the same count is not zero"

# What the new version does not accept does not stop the old one.
pids >"$report/pids"
echo nonsense >>$config
put "$next"
grep -q 'the running daemon is not restarted' "$report/installed" || fail "$(cat "$report/installed")"
[ "$(property MainPID)" = "$(head -n 1 "$report/pids")" ] || fail "it was restarted"
result=$(market post 2) || fail "$result"
sed -i '/^nonsense/d' $config
systemctl restart stakeout
until_true "the daemon of the new version" ready
ok "an upgrade leaves a daemon alone whose configuration it does not accept"

# What does not run is not started.
systemctl stop stakeout
put "$first"
[ "$(property ActiveState)" = inactive ] || fail "an upgrade starts what was stopped"
systemctl start stakeout
until_true "the daemon" ready
ok "an upgrade starts nothing that did not run"
