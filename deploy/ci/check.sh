#!/bin/bash
# Checks Dockerfile, compose project and manifests by schemas and rules. Needs no engine and no cluster.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools=$(deploy/ci/tools.sh)
rendered=$(mktemp -d)
trap 'rm -rf "$rendered"' EXIT

"$tools/hadolint" Dockerfile deploy/receiver/Dockerfile deploy/sign-on/Dockerfile
echo "hadolint: clean"
"$tools/shellcheck" --exclude SC2016 deploy/*.sh deploy/ci/*.sh deploy/receiver/*.sh deploy/sign-on/*.sh .ci/run
echo "shellcheck: clean"

cp .env.example "$rendered/.env"
"$tools/docker-compose" --env-file "$rendered/.env" config --quiet
REDIS_CA=/ca.pem "$tools/docker-compose" --env-file "$rendered/.env" -f docker-compose.yml -f deploy/outside-redis.yml config --quiet
echo "compose: the project is well-formed, with a Redis of its own and without"

settings() { grep -v '^#\|^aclfile' "$1"; }
cmp <(settings deploy/redis/redis.conf) <(settings k8s/base/redis.conf)

for overlay in k8s/overlays/*/ deploy/ci/k8s/; do
    name=$(basename "$overlay")
    "$tools/kubectl" kustomize "$overlay" >"$rendered/$name.yaml"
    # There are no schemas for the kinds of KEDA and the Prometheus Operator: they are listed, but not checked.
    "$tools/kubernetes-validate" --strict "$rendered/$name.yaml" >"$rendered/said" 2>&1 || { cat "$rendered/said"; exit 1; }
    echo "$name: $(grep -c passed "$rendered/said") resources valid; $(grep -c "Couldn't find schema" "$rendered/said") without a schema"
done
"$tools/checkov" --config-file .checkov.yaml --framework kubernetes --directory "$rendered"
"$tools/checkov" --config-file .checkov.yaml --framework dockerfile --file Dockerfile
echo "checkov: no unexplained findings"

promtool=$(command -v promtool || echo "$(dirname "$tools")/prometheus/usr/bin/promtool")
if [ ! -x "$promtool" ] && command -v apt-get >/dev/null; then
    # Only this program is extracted from Debian's package; nothing is installed.
    fetch() { timeout 300 apt-get -qq -o APT::Sandbox::User=root download prometheus 2>/dev/null; }
    (cd "$rendered" && { fetch || { timeout 300 apt-get -qq update && fetch; }; } && dpkg -x prometheus_*.deb "${promtool%/usr/bin/promtool}") || true
fi
if [ -x "$promtool" ]; then
    (cd deploy/prometheus && "$promtool" check config prometheus.yml && "$promtool" test rules alerts_test.yml)
else
    echo "SKIPPED: no promtool to test the alert rules with" >&2
fi
if command -v amtool >/dev/null; then amtool check-config deploy/prometheus/alertmanager.yml; fi
