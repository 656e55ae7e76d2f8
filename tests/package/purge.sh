# Part of steps: removed, everything stops and stays on the disk; purged, the state is gone, and the key is not.

dpkg --remove stakeout >"$report/removed" 2>&1 || fail "$(cat "$report/removed")"
for unit in $services stakeout.socket; do
    [ "$(property ActiveState "$unit")" != active ] || fail "$unit still runs"
done
[ ! -e /usr/bin/stakeout ] && [ -e $config ] && [ -e $secret ] && [ -e /var/lib/stakeout/journal.sqlite ] ||
    fail "removed: $(ls /usr/bin/stakeout $config $secret /var/lib/stakeout/journal.sqlite)"
# Installed again, it goes on where it was.
dpkg --install "$first" >"$report/installed" 2>&1 || fail "$(cat "$report/installed")"
grep -q 'not started, because it has no secret' "$report/installed" && fail "it has a secret"
systemctl start stakeout
until_true "the daemon" ready
result=$(market post 1) || fail "$result"
stakeout archive query --config $config --json >"$report/archive"
[ "$(wc -c <"$report/archive")" -gt 1000 ] || fail "the archive is empty"
ok "removed and installed again, it goes on"

dpkg --purge stakeout >"$report/purged" 2>&1 || fail "$(cat "$report/purged")"
[ "$(property ActiveState)" != active ] || fail "it still runs"
for gone in /var/lib/stakeout $secret $config /usr/share/stakeout /usr/share/doc/stakeout /var/cache/private/stakeout-consume; do
    [ ! -e "$gone" ] || fail "$gone is still there"
done
[ -z "$(find /etc/systemd/system /usr/lib/systemd/system -name 'stakeout*' ! -name '*.d')" ] || fail "units are left: $(find /etc/systemd/system -name 'stakeout*')"
grep -q 'removing the archive' "$report/purged" || fail "it does not say that the archive goes: $(cat "$report/purged")"
for kept in /etc/stakeout-signer/keyfile.json /etc/stakeout-signer/passphrase /var/lib/stakeout-signer/record /etc/stakeout/rules/one.yar; do
    [ -e "$kept" ] || fail "$kept is gone"
done
grep -q "kept the signer's key.* /etc/stakeout-signer /var/lib/stakeout-signer" "$report/purged" || fail "it does not say what it keeps: $(cat "$report/purged")"
# Installed once more, the signer has its key and its record.
dpkg --install "$first" >"$report/installed" 2>&1 || fail "$(cat "$report/installed")"
systemctl start stakeout-signer
until_true "the signer" stakeout-signer status
dpkg --purge stakeout >"$report/purged" 2>&1 || fail "$(cat "$report/purged")"
ok "purged, all is gone but the key of the signer and the operator's own files"
