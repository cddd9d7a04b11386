#!/bin/bash
# Installs the Debian packages of missing programs or files:  packages.sh PROGRAM=PACKAGE…
# Prints nothing and needs no network if none is missing. Fails if not run as root on Debian, or without a mirror.
set -euo pipefail
missing=()
for each in "$@"; do
    program=${each%%=*}
    if [[ $program == /* && -e $program ]] || command -v "$program" >/dev/null; then continue; fi
    missing+=("${each##*=}")
done
if [ ${#missing[@]} = 0 ]; then exit 0; fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "packages: not root on Debian; missing here: ${missing[*]}" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
said=$(mktemp)
trap 'rm -f "$said"' EXIT
for step in "update" "install -y --no-install-recommends ${missing[*]}"; do
    # shellcheck disable=SC2086
    timeout 600 apt-get -q -o DPkg::Lock::Timeout=120 $step >"$said" 2>&1 || { tail -3 "$said" >&2; exit 1; }
done
