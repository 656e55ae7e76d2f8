# Part of steps: installed, the package starts nothing, and says what to do; the units are as tight as they are said to be.

first=$(ls "$packages"/stakeout_0*.deb) next=$packages/stakeout_99.0-1.deb
useradd --no-create-home alice
rm -rf /run/stakeout
dpkg --install "$first" >"$report/installed" 2>&1 || fail "$(cat "$report/installed")"
grep -q 'is installed and not started' "$report/installed" || fail "it does not say what to do: $(cat "$report/installed")"
mapfile -t to_do < <(sed -n 's/^    //p' "$report/installed")
for unit in stakeout.service stakeout.socket stakeout-signer.service; do
    [ "$(property ActiveState $unit)" = inactive ] || fail "$unit was started"
    [ "$(systemctl is-enabled $unit 2>&1)" != enabled ] || fail "$unit is enabled"
done
for made in "stakeout stakeout 700 /var/lib/stakeout" "stakeout-signer stakeout-signer 700 /var/lib/stakeout-signer" \
    "root root 755 /etc/stakeout/rules" "root root 755 /etc/stakeout-signer" "root root 755 /run/stakeout"; do
    [ "$(stat -c '%U %G %a' "${made##* }")" = "${made% *}" ] || fail "${made##* }: $(stat -c '%U %G %a' "${made##* }")"
done
id -nG stakeout | grep -qw stakeout-frontend || fail "the daemon's user may not ask the signer"
for page in stakeout stakeout-daemon stakeout-signer stakeout-worker; do
    man --where $page >/dev/null 2>&1 || [ -e /usr/share/man/man1/$page.1.gz ] || fail "there is no manual page $page"
done
bash -c '. /usr/share/bash-completion/completions/stakeout && complete -p stakeout' >/dev/null || fail "no completion for bash"
stakeout config check --config $config >/dev/null || fail "the configuration is wrong as it is installed"
cmp -s <(stakeout config example) /usr/share/doc/stakeout/stakeout.example.toml || fail "the example is of another version"
stakeout rules check /usr/share/stakeout/rules >/dev/null || fail "the rules are not good"
# Twice is as good as once.
dpkg --install "$first" >"$report/installed" 2>&1 || fail "$(cat "$report/installed")"
[ "$(property ActiveState)" = inactive ] || fail "the second installation started it"
ok "installed: users, directories, pages, completions; nothing is started"

(cd /usr/lib/systemd/system && systemd-analyze verify stakeout.service stakeout.socket stakeout-control.socket stakeout-signer.service \
    stakeout-signer.socket stakeout-consume@1.service stakeout-consume-online@1.service stakeout-consume-redis.service \
    stakeout-consume-artifacts.service) >"$report/verify" 2>&1 || fail "$(cat "$report/verify")"
[ ! -s "$report/verify" ] || fail "$(cat "$report/verify")"
exposed /usr/lib/systemd/system/stakeout.service 12
exposed /usr/lib/systemd/system/stakeout-signer.service 3
exposed /usr/lib/systemd/system/stakeout-consume@.service 3
for unit in stakeout-consume-online@ stakeout-consume-redis stakeout-consume-artifacts; do
    exposed /usr/lib/systemd/system/$unit.service 12
done
ok "the units are clean, and tight"

# Whoever starts it at once learns what is missing, once.
systemctl start stakeout 2>/dev/null && fail "it starts without a secret"
sleep 0.5
[ "$(property NRestarts) $(property ExecMainStatus)" = "0 64" ] || fail "$(property NRestarts) $(property ExecMainStatus)"
systemctl reset-failed
# What the package said is what is done.
[ "${#to_do[@]}" = 4 ] || fail "it says to do: ${to_do[*]}"
eval "${to_do[0]}"
eval "${to_do[1]}"
# For the marketplace of this test, at loopback, with as many stakes as it likes; and no rules that would have to be compiled first.
cat >>$config <<'TOML'
[intake]
allow_networks = ["127.0.0.0/8"]
TOML
sed -i 's|^\[answers\]|&\nhosts = ["http://127.0.0.1:8899"]|; s|^\[scan\]|&\nshipped_rules = false|; s|^#rules = |rules = |
s|^\[market\]|&\nstake_hour_max = "none"\nstake_day_max = "none"\nstake_open_max = "none"|' $config
cat >/etc/stakeout/rules/one.yar <<'RULE'
rule one { meta: id = "yara.test.one" weight = 3.0 source = "a test" description = "A test." strings: $a = "the first of all texts" condition: $a }
RULE
# Something may well be poor here: the clock, the kernel.
eval "${to_do[2]}" >"$report/doctor" || [ $? = 1 ] || fail "$(cat "$report/doctor")"
grep -q '^BAD' "$report/doctor" && fail "$(cat "$report/doctor")"
eval "${to_do[3]}" 2>/dev/null
until_true "the service" stakeout health --config $config
[ "$(curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:9181/ready)" = 200 ] || fail "it is not ready"
pid=$(property MainPID)
[ "$(stat -c %U "/proc/$pid")" = stakeout ] || fail "it runs as $(stat -c %U "/proc/$pid")"
for line in 'CapEff:.*0000000000000000' 'NoNewPrivs:.*1' 'Seccomp:.*2'; do
    grep -q "^$line" "/proc/$pid/status" || fail "$(grep "^${line%%:*}" "/proc/$pid/status")"
done
ok "doctor finds nothing bad; enabled, it is ready, and confined"
