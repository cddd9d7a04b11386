#!/bin/bash
# As in docs/operations.md: creates new secrets in a copy of the checkout in FOLDER, and from them the Secret that the
# manifests refer to: deploy/ci/secrets-for-kubernetes.sh FOLDER
set -euo pipefail
folder=$(realpath "$1")
cd "$(dirname "$0")/../.."
cp -r --parents deploy/new-secrets.sh deploy/change-redis-password.sh deploy/redis "$folder"
cd "$folder"
deploy/new-secrets.sh >/dev/null
kubectl -n anonymizer create secret generic anonymizer --from-file=secrets
