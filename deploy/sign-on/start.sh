#!/bin/sh
# Starts Apache as the console's proxy, which authenticates users at an OpenID provider: docs/sign-on.md
# Arguments are passed to Apache.
set -eu
umask 077
wrong() { echo "sign-on: $*" >&2; exit 1; }
https() { printf '%s\n' "$2" | grep -Eqx 'https://[A-Za-z0-9._-]+(:[0-9]+)?(/[A-Za-z0-9._~/-]*)?' || wrong "$1 must be an address: https://…"; }

SIGN_ON_ADDRESS=${SIGN_ON_ADDRESS:-} SIGN_ON_ADDRESS=${SIGN_ON_ADDRESS%/}
https SIGN_ON_ADDRESS "$SIGN_ON_ADDRESS"
https SIGN_ON_PROVIDER "${SIGN_ON_PROVIDER:-}"
printf '%s\n' "${SIGN_ON_CLIENT:-}" | grep -Eqx '[A-Za-z0-9._:/~@-]+' || wrong "SIGN_ON_CLIENT is missing or invalid"
SIGN_ON_CLAIM=${SIGN_ON_CLAIM:-preferred_username}
printf '%s\n' "$SIGN_ON_CLAIM" | grep -Eqx '[A-Za-z0-9_.-]+' || wrong "SIGN_ON_CLAIM is not a valid claim"
SIGN_ON_SECRET=$(cat "${SIGN_ON_SECRET_FILE:?}")
[ -n "$SIGN_ON_SECRET" ] || wrong "the client's secret is empty"
case $SIGN_ON_SECRET in *[\"\\\$]*) wrong "the client's secret must hold no quotes, \\ or \$" ;; esac
for file in "${SIGN_ON_CERTIFICATE_FILE:?}" "${SIGN_ON_KEY_FILE:?}"; do
    [ -s "$file" ] || wrong "$(basename "$file") is empty or unreadable"
done
SIGN_ON_CA_FILE=${SIGN_ON_CA_FILE:-/etc/ssl/certs/ca-certificates.crt}
[ -s "$SIGN_ON_CA_FILE" ] || SIGN_ON_CA_FILE=/etc/ssl/certs/ca-certificates.crt # the public ones, if there is no CA of your own
SIGN_ON_CONSOLE=${SIGN_ON_CONSOLE:-http://console:8765}
SIGN_ON_PORT=${SIGN_ON_PORT:-8443}
SIGN_ON_FOLDER=$(mktemp -d)
SIGN_ON_PASSPHRASE=$(head -c 32 /dev/urandom | base64 | tr -d '+/=')
export SIGN_ON_ADDRESS SIGN_ON_PROVIDER SIGN_ON_CLIENT SIGN_ON_CLAIM SIGN_ON_SECRET SIGN_ON_CERTIFICATE_FILE \
    SIGN_ON_KEY_FILE SIGN_ON_CA_FILE SIGN_ON_CONSOLE SIGN_ON_PORT SIGN_ON_FOLDER SIGN_ON_PASSPHRASE
PATH=$PATH:/usr/sbin
exec apache2 -D FOREGROUND -f "${SIGN_ON_SETTINGS:-/etc/sign-on/apache.conf}" "$@"
