#!/bin/bash
# Takes a picture of Flower's list of tasks in a browser:  flower-picture.sh NAME:PASSWORD FOLDER
set -euo pipefail
login=$1 folder=$2
"$(dirname "$0")/packages.sh" chromium=chromium >&2 || {
    echo "SKIPPED: no chromium to take a picture of Flower with" >&2
    exit 0
}
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT
for page in tasks workers; do
    timeout 60 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync \
        --disable-background-networking --disable-component-update --user-data-dir="$profile" --window-size=1500,900 \
        --virtual-time-budget=5000 --screenshot="$folder/flower-$page.png" "http://$login@127.0.0.1:5555/$page" 2>/dev/null
    test -s "$folder/flower-$page.png"
done
