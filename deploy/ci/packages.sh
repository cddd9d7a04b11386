#!/bin/bash
# Installs the Debian packages of programs, or files, that are not here:  packages.sh PROGRAM=PACKAGE…
# Says nothing and asks no network when all are here. Fails where it is not root on Debian, or reaches no mirror.
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
