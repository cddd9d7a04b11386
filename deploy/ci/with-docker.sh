#!/bin/bash
# Runs a command with a Docker engine in which our image has just been built:  deploy/ci/with-docker.sh COMMAND…
#
# An existing engine is used. Otherwise, as root on Debian, one is started for the duration of the command; because it
# has no image registry, substitutes for the official base images are made of Debian's packages and imported under the
# official names, so that the Dockerfile is built unchanged. If neither is possible, the command is skipped with a clear
# message.
set -euo pipefail
cd "$(dirname "$0")/../.."
cache=${DEPLOY_TEST_CACHE:-${TMPDIR:-/tmp}/anonymizer-ci}
mkdir -p "$cache"
say() { echo "with-docker: [${SECONDS}s] $*" >&2; }
skip() {
    echo "SKIPPED: $1: $command" >&2
    exit 0
}
command=$*

# Debian's client, because another one on the PATH may use a newer API than Debian's engine.
if [ -x /usr/bin/docker ]; then PATH=/usr/bin:$PATH; fi
export DOCKER_BUILDKIT=1

if ! docker info >/dev/null 2>&1; then
    if [ "$(id -u)" != 0 ] || ! grep -qs '^ID=debian' /etc/os-release; then
        skip "no Docker engine answers, and only as root on Debian can one be started here"
    fi
    deploy/ci/packages.sh dockerd=docker.io docker=docker.io runc=runc iptables=iptables mmdebstrap=mmdebstrap >&2 ||
        skip "Debian's packages of the Docker engine cannot be had here"
    if [ -x /usr/bin/docker ]; then PATH=/usr/bin:$PATH; fi
    work=$(mktemp -d "$cache/engine.XXXXXX")
    export DOCKER_HOST=unix://$work/docker.sock
    # An engine for Kubernetes needs more options.
    # shellcheck disable=SC2086
    dockerd --data-root "$work/data" --exec-root "$work/exec" --pidfile "$work/pid" -H "$DOCKER_HOST" \
        ${DOCKERD_OPTIONS:-} >"$work/log" 2>&1 &
    engine=$!
    stop() {
        kill "$engine" 2>/dev/null && wait "$engine" || true
        awk -v work="$work" 'index($2, work) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r umount -l
        rm -rf "$work"
    }
    trap stop EXIT
    for _ in $(seq 60); do docker info >/dev/null 2>&1 && break; sleep 0.5; done
    docker info >/dev/null 2>&1 || skip "the Docker engine does not start here: $(tail -1 "$work/log")"
    say "an engine of our own runs"
    deploy/ci/stand-ins.sh "$cache/base.tar"
    say "stand-ins for the base images are in"
fi

docker build --quiet --tag rt-set-anonymizer:0.1.0 --build-arg "REVISION=$(git rev-parse HEAD 2>/dev/null || echo unknown)" . >/dev/null
for part in receiver sign-on; do
    docker build --quiet --tag "rt-set-anonymizer-$part:0.1.0" "deploy/$part" >/dev/null
done
say "the images are built: $(docker image inspect --format '{{.Size}}' rt-set-anonymizer:0.1.0 | awk '{printf "%d MB", $1 / 1e6}'), of which base: $(docker image inspect --format '{{.Size}}' python:3.11-slim-bookworm | awk '{printf "%d MB", $1 / 1e6}')"
COMPOSE=$(deploy/ci/tools.sh)/docker-compose "$@"
