#!/bin/bash
# Takes a picture of Flower's tasks as a browser shows them:  flower-picture.sh NAME:PASSWORD FOLDER
set -euo pipefail
login=$1 folder=$2
if ! command -v chromium >/dev/null; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "SKIPPED: no chromium here to take a picture of Flower with" >&2
        exit 0
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null
fi
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT
for page in tasks workers; do
    timeout 60 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync \
        --disable-background-networking --disable-component-update --user-data-dir="$profile" --window-size=1500,900 \
        --virtual-time-budget=5000 --screenshot="$folder/flower-$page.png" "http://$login@127.0.0.1:5555/$page" 2>/dev/null
    test -s "$folder/flower-$page.png"
done
