#!/bin/bash
# As docs/operations.md says: new secrets, and from them the Secret that the manifests name.
set -euo pipefail
cd "$(dirname "$0")/../.."
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
cp -r --parents deploy/new-secrets.sh deploy/redis "$made"
"$made/deploy/new-secrets.sh" >/dev/null
kubectl -n anonymizer create secret generic anonymizer --from-file="$made/secrets"
