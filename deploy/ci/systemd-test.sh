#!/bin/bash
# Follows docs/operations.md without containers: runs the units under a real systemd, in a separate bare Debian that
# systemd-nspawn boots without a network. Everything it starts ends with that machine.
set -euo pipefail
cd "$(dirname "$0")/../.."
cache=${DEPLOY_TEST_CACHE:-${TMPDIR:-/tmp}/anonymizer-ci}
skip() {
    echo "SKIPPED: $1: $0" >&2
    exit 0
}
if [ "$(id -u)" != 0 ] || ! grep -qs '^ID=debian' /etc/os-release; then
    skip "a machine of its own can only be booted as root on Debian"
fi
deploy/ci/packages.sh systemd-nspawn=systemd-container >&2 || skip "Debian's package of systemd-nspawn cannot be had here"
say() { echo "systemd-test: [${SECONDS}s] $*" >&2; }

mkdir -p "$cache"
deploy/ci/base.sh "$cache/base.tar"
work=$(mktemp -d "$cache/systemd.XXXXXX")
root=$work/root
machine=""
clean_up() {
    local result=$?
    if [ $result != 0 ] && [ -n "$machine" ]; then tail -5 "$work/boot.log" >&2; fi
    if [ -n "$machine" ]; then kill "$machine" && wait "$machine"; fi 2>/dev/null || true
    rm -rf "$work"
    exit $result
}
trap clean_up EXIT
until_true() { # SECONDS COMMAND…
    local end=$((SECONDS + $1)); shift
    until "$@" >/dev/null 2>&1; do
        if ((SECONDS > end)); then echo "after waiting still not: $*" >&2; return 1; fi
        sleep 0.5
    done
}

mkdir -p "$root/src"
tar -xf "$cache/base.tar" -C "$root"
git ls-files -z | tar -c --null -T - | tar -x -C "$root/src"
nspawn=(systemd-nspawn --register=no --keep-unit --quiet --directory "$root")
packages="systemd systemd-sysv dbus"
"${nspawn[@]}" --resolv-conf=copy-host bash -euc "
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update; apt-get -qq install -y --no-install-recommends $packages >/dev/null 2>&1
    chown -R redis:redis /etc/redis /var/lib/redis /var/log/redis  # that user has another uid in the root
    systemctl enable redis-server 2>/dev/null" </dev/null
say "a machine with systemd is laid out"

# The lines of the section about systemd: installation runs with a network, the services without.
lines() { awk -v from="$1" -v to="$2" '/^    / && index($0, from) { on = 1 } on { print substr($0, 5) } on && index($0, to) { exit }' docs/operations.md; }
install=$(lines 'useradd --system' 'deploy/systemd/*.service')
begin=$(lines 'systemctl daemon-reload' 'systemctl enable --now')
uninstall=$(lines 'systemctl disable --now' 'rm -r /etc/systemd/system/anonymizer*')
"${nspawn[@]}" --resolv-conf=copy-host bash -euc "cd /src; $install
install -d -o anonymizer -g anonymizer /srv/anonymizer" </dev/null >/dev/null
say "the program is installed by the documented lines"

"${nspawn[@]}" --private-network --boot </dev/null >"$work/boot.log" 2>&1 &
machine=$!
until_true 30 pgrep -P "$machine"
leader=$(pgrep -P "$machine")
inside() { nsenter -t "$leader" -m -u -i -n -p -- env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 bash -euc "$1" </dev/null; }
until_true 60 inside "systemctl is-system-running"
inside "$begin" 2>/dev/null
units="watch worker sheets console"
well() { inside "ANONYMIZER_HEALTH=/var/lib/rt-set-anonymizer/$1 runuser -u anonymizer -- /opt/rt-set-anonymizer/bin/anonymizer health"; }
for unit in $units; do until_true 90 well "$unit"; done
say "all four services are well"

published() { [ "$(find "$root/srv/anonymizer/$1" -maxdepth 1 -name 'ANON_*' | wc -l)" = "$2" ]; }
each_once() { [ "$(tail -n +2 "$root/srv/anonymizer/$1"/VicRapidPlan_trackingFile_*.txt | cut -d, -f1 | sort -u | wc -l)" = "$2" ]; }
drop() { inside "runuser -u anonymizer -- /opt/rt-set-anonymizer/bin/anonymizer demo /srv/anonymizer/$1 --sets $2 --ct ${3:-20}" >/dev/null; }
drop DEMO 3
until_true 120 published DEMO 3
until_true 60 each_once DEMO 3
until_true 120 sh -c "[ \$(ls $root/srv/anonymizer/DEMO/sheets/ANON_*.pdf | wc -l) = 3 ]"
say "three sets are published, their sheets drawn"

status=$(inside "cat /proc/\$(systemctl show -p MainPID --value anonymizer-worker)/status")
user=$(inside "id -u anonymizer")
[[ $status == *$'\nUid:\t'"$user"$'\t'* && $status =~ CapBnd:.0+$'\n' && $status =~ NoNewPrivs:.1 && $status =~ Seccomp:.2 ]]
say "a worker has a user of its own, no capabilities, and system calls filtered"

# shellcheck disable=SC2016
inside 'runuser -u anonymizer -- env $(systemctl show -p Environment --value anonymizer-console) \
    /opt/rt-set-anonymizer/bin/anonymizer key /srv/anonymizer/DEMO' | grep -q Fingerprint
[ -f "$root/var/lib/rt-set-anonymizer/console/delivery.key" ]
say "the console's user has a key that signs deliveries"

drop KILLED 6 40
until_true 120 sh -c "ls -d $root/srv/anonymizer/KILLED/ANON_*"
# The `$` is for the machine's shell.
# shellcheck disable=SC2016
inside 'kill -9 $(systemctl show -p MainPID --value anonymizer-worker)'
until_true 240 published KILLED 6
until_true 60 each_once KILLED 6
[ "$(inside 'systemctl show -p NRestarts --value anonymizer-worker')" = 1 ]
say "a worker killed with sets in work came back; all six are published, each once"

drop STOPPED 6 40
until_true 120 sh -c "ls -d $root/srv/anonymizer/STOPPED/ANON_*"
inside "systemctl stop anonymizer.target 'anonymizer-*'"
[ -z "$(ls -A "$root/srv/anonymizer/STOPPED/.anonymizer/staging")" ]
[ "$(inside 'systemctl show -p Result --value anonymizer-worker')" = success ]
inside "systemctl start anonymizer.target"
until_true 240 published STOPPED 6
until_true 60 each_once STOPPED 6
say "stopped with sets in work, the worker finished them; started again, all six are published, each once"

inside "$uninstall" 2>/dev/null
[ -z "$(inside "systemctl list-unit-files --no-legend 'anonymizer*'")" ]
[ -d "$root/srv/anonymizer/DEMO/ANON_006" ]
say "uninstalled by the documented lines; passed"
