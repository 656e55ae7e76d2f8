#!/bin/sh
# Compares triage with libmagic on PE, ELF, CFB, Office Open XML, ZIP and PDF, file by file.
#
#   benches/triage-vs-file.sh DIR...
#
# Prints the rate of agreement and every class of disagreement with its count and an example, as tables for
# docs/triage.md. Fails if the rate is below 99.9 %, or if a class is not explained there.
# Needs cargo and `file` (Debian package file; 5.44 was compared with). Reads files, runs none of them.
set -eu
export LC_ALL=C
repo=$(cd "$(dirname "$0")/.." && pwd)
[ $# -gt 0 ] || { echo "usage: $0 DIR..." >&2; exit 2; }
command -v file >/dev/null || { echo "error: file is not installed; hint: apt install file" >&2; exit 2; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# A name with a line break or a tab cannot stand in a list.
tab=$(printf '\t')
find "$@" -xdev -type f ! -name '*
*' ! -name "*$tab*" | sort > "$work/paths"
(cd "$repo" && cargo run --quiet --release -p triage --example kinds) < "$work/paths" | cut -f2 > "$work/ours"
# file answers 1 when one of many files made it stumble; what counts is a line for each.
file --brief --no-pad --mime-type --files-from "$work/paths" > "$work/mime" || :
file --brief --no-pad --files-from "$work/paths" > "$work/text" || :
for answers in ours mime text; do
    [ "$(wc -l < "$work/$answers")" -eq "$(wc -l < "$work/paths")" ] ||
        { echo "error: $answers has not one line for each path" >&2; exit 2; }
done

echo "$(date -u +%Y-%m-%d), $(file --version | sed -n 1p), $(wc -l < "$work/paths") files under $*"
paste "$work/paths" "$work/ours" "$work/mime" "$work/text" | awk -F '\t' -v papers="$repo/docs/triage.md" '
function our_group(kind) {
    if (kind ~ /^pe/) return "pe"
    if (kind ~ /^elf/) return "elf"
    if (kind ~ /^cfb/) return "cfb"
    if (kind ~ /^ooxml/) return "ooxml"
    if (kind ~ /^zip/) return "zip"
    if (kind == "pdf") return "pdf"
    return "other"
}
function their_group(mime, text) {
    if (text ~ /^(MS-DOS executable )?PE(32| Unknown)|PE32\+? executable/) return "pe"
    if (text ~ /^((setuid|setgid|sticky) )*(, )?ELF/) return "elf"
    if (text ~ /Composite Document File|CDFV2|OLE 2 Compound/ ||
        mime ~ /^application\/(CDFV2|x-ole-storage|msword|x-msi|encrypted|vnd\.ms-(excel|powerpoint|outlook|office|works))$/) return "cfb"
    if (text ~ /Microsoft (OOXML|(Word|Excel|PowerPoint|Visio) 2[0-9]+\+)/ || mime ~ /openxmlformats/) return "ooxml"
    if (text ~ /^PDF document/) return "pdf"
    if (text ~ /^Zip (archive|data|multi-volume)|^Java archive|^OpenDocument|^OpenOffice|^EPUB|^Android package|^Mozilla/ ||
        mime ~ /^application\/(zip|java-archive|epub\+zip|vnd\.android\.package-archive|vnd\.oasis\..*)$/) return "zip"
    return "other"
}
{
    ours = our_group($2); theirs = their_group($3, $4)
    if ($2 == "unreadable" || $4 ~ /^cannot open|no read permission/) { unreadable++; next }
    all++
    if (ours != "other") held[ours]++
    if (theirs != "other") named[theirs]++
    if (ours != "other" || theirs != "other") concerned++
    if (ours == theirs) { same[ours]++; next }
    differ++
    class = "triage " (ours == "other" ? $2 : ours) ", file " $3
    if (!(class in count)) example[class] = $1 " (" substr($4, 1, 60) ")"
    count[class]++
}
END {
    split("pe elf cfb ooxml zip pdf", groups, " ")
    print "\n| group | triage | file | both |\n|---|---|---|---|"
    for (i = 1; i <= 6; i++) { g = groups[i]; printf "| %s | %d | %d | %d |\n", g, held[g], named[g], same[g] }
    rate = 100 * (all - differ) / (all ? all : 1)
    strict = 100 * (concerned - differ) / (concerned ? concerned : 1)
    printf "\nagree on %.3f %% of %d files; on %.3f %% of the %d that either puts into a group; %d unreadable\n",
        rate, all, strict, concerned, unreadable
    while ((getline line < papers) > 0) explained = explained line "\n"
    if (differ) print "\n| class | files | for example |\n|---|---|---|"
    for (class in count) {
        known = index(explained, "`" class "`")
        if (!known) missing++
        printf "| `%s` | %d | %s |%s\n", class, count[class], example[class], known ? "" : " <- not explained in docs/triage.md"
    }
    if (missing) printf "\nerror: %d classes are not explained in docs/triage.md\n", missing
    exit rate < 99.9 || missing
}'
