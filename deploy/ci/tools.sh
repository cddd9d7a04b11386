#!/bin/bash
# Gives the folder with the tools of this folder's scripts, made on the first call. It is kept from run to run.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${ANONYMIZER_CI_CACHE:-${TMPDIR:-/tmp}/anonymizer-ci}
if ! cmp -s "$here/requirements.txt" "$cache/tools/made-from"; then
    rm -rf "$cache/tools"
    python3 -m venv "$cache/tools"
    "$cache/tools/bin/pip" install -qq --disable-pip-version-check -r "$here/requirements.txt" >&2
    cp "$here/requirements.txt" "$cache/tools/made-from"
fi
echo "$cache/tools/bin"
