#!/bin/bash
# Builds a real, if old, Kubernetes (1.20) from Debian's source package into the given folder. It takes about five
# minutes on two cores and 2 GB of disk; the result is kept.
set -euo pipefail
out=$1
programs=(kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy)
if [ -e "$out/complete" ]; then exit 0; fi
work=$(mktemp -d "$out.XXXXXX")
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
mkdir -p "$out" "$work/lists/partial" "$work/parts" "$work/go/src/k8s.io/kubernetes"
"$(dirname "$0")/packages.sh" go=golang-go dpkg-source=dpkg-dev
mirror=$("$(dirname "$0")/mirror.sh")
echo "deb-src $mirror bookworm main" >"$work/parts/src.list"
cd "$work"
options=(-o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$work/parts" -o "Dir::State::lists=$work/lists" -o APT::Sandbox::User=root)
timeout 300 apt-get "${options[@]}" -qq update
timeout 300 apt-get "${options[@]}" -qq source --download-only kubernetes >/dev/null
tar xzf kubernetes_*.orig.tar.gz -C go/src/k8s.io/kubernetes --strip-components=1

export GOPATH=$work/go GO111MODULE=off GOPROXY=off GOCACHE=$work/cache CGO_ENABLED=0
cd "$GOPATH/src/k8s.io/kubernetes"
# The OpenAPI definitions for the API server, which Debian's package generates during its build.
go build -o "$work/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
packages=$(grep -rl --include='*.go' '+k8s:openapi-gen=' vendor/k8s.io/ pkg staging/src | grep -v _test | xargs -n1 dirname |
    sed 's#^staging/src/#k8s.io/kubernetes/vendor/#; s#^vendor/#k8s.io/kubernetes/vendor/#; s#^pkg/#k8s.io/kubernetes/pkg/#' |
    sort -u | grep -vE 'testdata|/examples/|sample-|code-generator|kube-openapi|/test/' | paste -sd,)
"$work/openapi-gen" --logtostderr -h hack/boilerplate/boilerplate.generatego.txt -i "$packages" \
    -p k8s.io/kubernetes/pkg/generated/openapi -O zz_generated.openapi -r "$work/violations" >/dev/null 2>&1
flags="-s -w"
for package in k8s.io/kubernetes/vendor/k8s.io/component-base/version k8s.io/kubernetes/vendor/k8s.io/client-go/pkg/version; do
    flags+=" -X $package.gitVersion=v1.20.2 -X $package.gitMajor=1 -X $package.gitMinor=20 -X $package.gitTreeState=clean"
done
for program in "${programs[@]}"; do
    go build -ldflags "$flags" -o "$out/$program" "./cmd/$program"
    echo "build-kubernetes: [${SECONDS}s] $program" >&2
done
touch "$out/complete"
