# Part of steps: what an operator does with a running engine.

market() { python3 tests/package/market.py "$secret" "$@"; }
# What the market said of itself: a condition on `r`.
said() { python3 -c 'import json, sys; r = json.loads(sys.argv[1]); sys.exit(not eval(sys.argv[2]))' "$1" "$2" || fail "$2: $1"; }

# Anybody may scan; a file that is malicious ends with 1.
python3 -c 'import sys; sys.stdout.write("*H+H$!ELIF-TSET-SURIVITNA-DRADNATS-RACIE$}7)CC7)^P(45XZP\\4[PA@%P!O5X"[::-1])' >/run/eicar
chmod 644 /run/eicar
(cd /tmp && as alice env HOME=/tmp XDG_CACHE_HOME=/tmp/alice stakeout scan /run/eicar /usr/share/doc/stakeout/queue.md) >"$report/scan" 2>&1 && fail "nothing malicious is found"
grep -q 'malicious' "$report/scan" || fail "$(cat "$report/scan")"
rm -rf /tmp/alice
ok "a user scans files"

result=$(market post 5) || fail "$result"
said "$result" "r['counts'] == {'202': 5} and r['answered'] == r['malicious'] == 5"
python3 -c 'import json, sys; print("bounty,truth"); [print(f"{i},malicious") for i in json.loads(sys.argv[1])["ids"]]' "$result" >/run/settled.csv
usermod --append --groups stakeout alice
as alice stakeout outcomes import --config $config /run/settled.csv >"$report/import" || fail "$(cat "$report/import")"
grep -q '3 lines read: 3 ' "$report/import" || fail "$(cat "$report/import")"
as alice stakeout purse --config $config >"$report/purse" || fail "$(cat "$report/purse")"
stakeout report --config $config >"$report/ledger" || fail "$(cat "$report/ledger")"
stakeout archive verify --config $config >/dev/null || fail "the archive is damaged"
ok "bounties, outcomes, purse, report"

# New rules, and a new secret, without a restart; a mistake changes nothing.
pid=$(property MainPID)
sed 's/one/two/g; s/first/second/' /etc/stakeout/rules/one.yar >/etc/stakeout/rules/two.yar
systemctl reload stakeout
two() { stakeout rules status --config $config >"$report/rules" && grep -q '2 YARA rules' "$report/rules"; }
until_true "the second rule" two
ping() { stakeout webhook ping --secret-file "$1" http://127.0.0.1:8000/ >/dev/null 2>&1; }
cp --preserve $secret $secret.old
openssl rand -hex 32 >$secret
sed -i "s|^secret_files.*|secret_files = [\"$secret\", \"$secret.old\"]|" $config
systemctl reload stakeout
until_true "the new secret" ping $secret
ping $secret.old || fail "the old secret is not valid any more"
sed -i "s|^secret_files.*|secret_files = [\"$secret\"]|" $config
systemctl reload stakeout
old_is_gone() { ! ping $secret.old; }
until_true "the end of the old secret" old_is_gone
echo nonsense >>$config
systemctl reload stakeout 2>/dev/null && fail "a wrong configuration is reloaded"
sed -i '/^nonsense/d' $config
ping $secret || fail "a mistake changed something"
[ "$(property MainPID)" = "$pid" ] || fail "it was restarted"
ok "rules and secrets are reloaded"

# Other addresses, as docs/operating.md changes them.
mkdir -p /etc/systemd/system/stakeout.socket.d
sed -n '/^    \[Socket\]/,/^$/s/^    //p' docs/operating.md >/etc/systemd/system/stakeout.socket.d/override.conf
systemctl daemon-reload
systemctl stop stakeout
systemctl start stakeout
until_true "the daemon at another address" stakeout webhook ping --secret-file $secret http://127.0.0.1:8080/
ping $secret && fail "it still listens at the old address"
grep -q "the service manager's socket is used instead" "$log" || fail "the log says nothing: $(tail -n 5 "$log")"
rm -r /etc/systemd/system/stakeout.socket.d
systemctl daemon-reload
systemctl stop stakeout
systemctl start stakeout
until_true "the daemon at its address" ping $secret
ok "its addresses are changed by those of the socket"
