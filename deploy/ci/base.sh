#!/bin/bash
# Makes a bare Debian with Python and Redis, unless it exists:  base.sh TAR
# It contains this machine's certificates; its package mirror is apt's.
set -euo pipefail
tar=$1
if [ -s "$tar" ]; then exit 0; fi
cd "$(dirname "$0")"
./packages.sh mmdebstrap=mmdebstrap >&2
mirror=$(./mirror.sh)
mkdir -p "$(dirname "$tar")"
# As in the official images: python in /usr/local/bin, Redis' user with the uid 999, its data in /data.
mmdebstrap --quiet --format=tar --variant=minbase \
    --include=python3,python3-pip,python3-venv,ca-certificates,tzdata,redis-server \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --customize-hook='rm -f "$1"/usr/lib/python3*/EXTERNALLY-MANAGED' \
    --customize-hook='ln -s /usr/bin/python3 "$1/usr/local/bin/python"; ln -s /usr/bin/pip3 "$1/usr/local/bin/pip"' \
    --customize-hook='copy-in /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs' \
    --customize-hook='printf "[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n" >"$1/etc/pip.conf"' \
    --customize-hook='chroot "$1" usermod -u 999 redis; chroot "$1" groupmod -g 999 redis' \
    --customize-hook='install -d -o 999 -g 999 "$1/data"' \
    bookworm "$tar.new" "$mirror"
mv "$tar.new" "$tar"
