#!/bin/bash
# Makes the bundle for installing a host without a network:  deploy/bundle.sh [FOLDER]    (make bundle)
#
# FOLDER (dist/bundle) then contains wheels/ (ours and its dependencies, for any patch release of this machine's
# Python), the lock file with their hashes, image.tar.gz if a container engine has or can build the image, sbom/
# (CycloneDX, of the lock files), service/ (Compose and Kubernetes), INSTALL.md, and SHA256SUMS of all files. It needs a
# network once.
set -euo pipefail
cd "$(dirname "$0")/.."
bundle=${1:-dist/bundle}
bin=${BIN:-.venv/bin}
say() { echo "bundle: $*" >&2; }

rm -rf "$bundle"
mkdir -p "$bundle/wheels" "$bundle/sbom"
"$bin/python" -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir "$bundle/wheels" .
"$bin/python" deploy/every_patch.py requirements-service.lock >"$bundle/every-patch.lock"
"$bin/python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
    --dest "$bundle/wheels" -r "$bundle/every-patch.lock"
rm "$bundle/every-patch.lock"
cp requirements-service.lock docs/install-offline.md "$bundle/"
mv "$bundle/install-offline.md" "$bundle/INSTALL.md"
for lock in requirements requirements-service; do
    "$bin/cyclonedx-py" requirements --pyproject pyproject.toml --output-reproducible --of JSON \
        -o "$bundle/sbom/$lock.cdx.json" "$lock.lock"
done
mkdir -p "$bundle/service/deploy" # as in the project: the commands of docs/operations.md work in service/
cp -R docker-compose.yml .env.example k8s "$bundle/service/"
cp -R deploy/redis deploy/grafana deploy/prometheus deploy/receiver deploy/sign-on deploy/new-secrets.sh deploy/change-redis-password.sh \
    deploy/outside-redis.yml "$bundle/service/deploy/"

engine=$(command -v docker || command -v podman || true)
image=${ANONYMIZER_IMAGE:-rt-set-anonymizer:$("$bin/python" -c 'import anonymizer; print(anonymizer.__version__)')}
if [ -z "$engine" ] || ! "$engine" info >/dev/null 2>&1; then
    say "NO IMAGE: no container engine is available; the bundle can be installed without containers"
elif "$engine" image inspect "$image" >/dev/null 2>&1 || "$engine" build --quiet --tag "$image" . >/dev/null; then
    "$engine" save "$image" | gzip -1 >"$bundle/image.tar.gz"
else
    say "NO IMAGE: $image could not be built"
fi
sums=$(cd "$bundle" && find . -type f -print0 | sort -z | xargs -0 sha256sum)
printf '%s\n' "$sums" >"$bundle/SHA256SUMS"
say "$bundle holds $(find "$bundle" -type f | wc -l) files, $(du -sh "$bundle" | cut -f1)"
