#!/bin/bash
# Imports substitutes for python:3.11-slim-bookworm and redis:7, made of Debian's packages, into the engine of
# DOCKER_HOST.
# Usage: stand-ins.sh TAR
set -euo pipefail
tar=$1
"$(dirname "$0")/base.sh" "$tar"
docker import --change 'CMD ["python3"]' --change 'ENV LANG=C.UTF-8' "$tar" python:3.11-slim-bookworm >/dev/null
docker import --change 'CMD ["redis-server"]' --change 'WORKDIR /data' --change 'VOLUME /data' "$tar" redis:7 >/dev/null
