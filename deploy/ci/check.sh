#!/bin/bash
# Holds Dockerfile, compose project and manifests against schemas and rules. Needs no engine and no cluster.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools=$(deploy/ci/tools.sh)
rendered=$(mktemp -d)
trap 'rm -rf "$rendered"' EXIT

"$tools/hadolint" Dockerfile
echo "hadolint: clean"

cp .env.example "$rendered/.env"
"$tools/docker-compose" --env-file "$rendered/.env" config --quiet
echo "compose: the project is well-formed"

settings() { grep -v '^#\|^aclfile' "$1"; }
cmp <(settings deploy/redis/redis.conf) <(settings k8s/base/redis.conf)

if deploy/ci/packages.sh kubectl=kubernetes-client >&2; then
    for overlay in k8s/overlays/*/; do
        name=$(basename "$overlay")
        kubectl kustomize "$overlay" >"$rendered/$name.yaml"
        # Kinds of KEDA and of the Prometheus Operator have no schema here: they are named, and not judged.
        "$tools/kubernetes-validate" --strict "$rendered/$name.yaml" >"$rendered/said" 2>&1 || { cat "$rendered/said"; exit 1; }
        echo "$name: $(grep -c passed "$rendered/said") resources valid; $(grep -c "Couldn't find schema" "$rendered/said") without a schema"
    done
    "$tools/checkov" --config-file .checkov.yaml --framework kubernetes --directory "$rendered"
else
    echo "SKIPPED: no kubectl here to render the manifests with" >&2
fi
"$tools/checkov" --config-file .checkov.yaml --framework dockerfile --file Dockerfile
echo "checkov: no unexplained findings"

promtool=$(command -v promtool || echo "$(dirname "$tools")/prometheus/usr/bin/promtool")
if [ ! -x "$promtool" ] && command -v apt-get >/dev/null; then
    # Only the one program out of Debian's package: nothing is installed.
    fetch() { timeout 300 apt-get -qq -o APT::Sandbox::User=root download prometheus 2>/dev/null; }
    (cd "$rendered" && { fetch || { timeout 300 apt-get -qq update && fetch; }; } && dpkg -x prometheus_*.deb "${promtool%/usr/bin/promtool}") || true
fi
if [ -x "$promtool" ]; then
    (cd deploy/prometheus && "$promtool" check config prometheus.yml && "$promtool" test rules alerts_test.yml)
else
    echo "SKIPPED: no promtool here to try the alert rules with" >&2
fi
