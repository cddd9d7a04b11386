#!/bin/bash
# Runs the manifests on a real API server and kubelet: processes sets, kills pods, scales. Called by with-docker.sh.
# Everything it starts is ended by its process id; its rules are removed from the host's packet filter.
set -euo pipefail
cd "$(dirname "$0")/../.."
cache=${DEPLOY_TEST_CACHE:-${TMPDIR:-/tmp}/anonymizer-ci}
skip() {
    echo "SKIPPED: $1: $0" >&2
    exit 0
}
if [ "$(id -u)" != 0 ] || ! grep -qs '^ID=debian' /etc/os-release; then
    skip "a cluster of our own can only be started as root on Debian"
fi
if [ "$(docker info --format '{{.CgroupDriver}}')" != cgroupfs ]; then
    skip "this machine's Docker engine keeps its containers in a way that the cluster's kubelet does not"
fi
for port in 23790 23800 20248 20249 20250 20251 20256 20257 20259 26443; do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then skip "another program listens on port $port"; fi
done
say() { echo "k8s-test: [${SECONDS}s] $*" >&2; }

deploy/ci/packages.sh etcd=etcd-server dnsmasq=dnsmasq-base conntrack=conntrack openssl=openssl iptables=iptables \
    >&2 || skip "Debian's packages of what a cluster needs cannot be had here"
deploy/ci/build-kubernetes.sh "$cache/kubernetes"
PATH=$cache/kubernetes:$(deploy/ci/tools.sh):$PATH
say "Kubernetes is built"

work=$(mktemp -d "$cache/k8s.XXXXXX")
mkdir -p "$work"/{etcd,pki,kubelet,dns,checkout} "$work"/srv/{anonymizer,redis,flower,console,anonymizer-2}
chown 10001:10001 "$work"/srv/{anonymizer,flower,console}
chown 10002:10002 "$work/srv/redis"
chmod 711 "$cache" "$work"
export KUBECONFIG=$work/kubeconfig
pids=()
run() { "$@" >"$work/$(basename "$1").log" 2>&1 & pids+=($!); }
clean_up() {
    local result=$?
    set +e
    kubectl delete namespace anonymizer anonymizer-2 --grace-period=1 --timeout=30s >/dev/null 2>&1
    for ((n = ${#pids[@]} - 1; n >= 0; n--)); do kill "${pids[n]}" && wait "${pids[n]}"; done 2>/dev/null
    docker ps -aq --filter label=io.kubernetes.pod.namespace | xargs -r docker rm -f >/dev/null
    kube-proxy --cleanup >/dev/null 2>&1
    for table in nat filter mangle; do
        iptables -t "$table" -S | sed -n 's/^-A \(.* -j KUBE-.*\)/\1/p' | xargs -r -L 1 iptables -t "$table" -D
        # A chain can be deleted only if no other one refers to it: all are emptied first.
        for action in -F -X; do
            iptables -t "$table" -S | awk '/^-N KUBE/ { print $2 }' | xargs -r -L 1 iptables -t "$table" "$action"
        done
    done
    awk -v work="$work" 'index($2, work) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r umount -l
    rm -rf "$work"
    if [ -e "$work" ] || iptables-save | grep KUBE >&2; then echo "k8s-test: the lines above are left behind" >&2; result=1; fi
    exit "$result"
}
trap clean_up EXIT
until_true() { # SECONDS COMMAND…
    local end=$((SECONDS + $1)); shift
    until "$@" >/dev/null 2>&1; do
        if ((SECONDS > end)); then echo "after waiting still not: $*" >&2; return 1; fi
        sleep 1
    done
}

# The engine's own address, at which pods reach the host.
node=$(docker network inspect bridge --format '{{(index .IPAM.Config 0).Gateway}}')
printf 'FROM redis:7\nUSER 10002\nCMD ["sleep", "infinity"]\n' | docker build -q -t pause-stand-in:1 - >/dev/null
openssl genrsa -out "$work/pki/sa.key" 2048 2>/dev/null
token=$(head -c 16 /dev/urandom | base64 | tr -d '+/=')
echo "$token,admin,admin,\"system:masters\"" >"$work/pki/tokens.csv"
kubectl config set-cluster test --server=https://127.0.0.1:26443 --insecure-skip-tls-verify >/dev/null
kubectl config set-credentials admin --token="$token" >/dev/null
kubectl config set-context test --cluster=test --user=admin >/dev/null
kubectl config use-context test >/dev/null

run etcd --data-dir "$work/etcd" --listen-client-urls http://127.0.0.1:23790 --advertise-client-urls http://127.0.0.1:23790 \
    --listen-peer-urls http://127.0.0.1:23800 --initial-advertise-peer-urls http://127.0.0.1:23800 \
    --initial-cluster default=http://127.0.0.1:23800
run kube-apiserver --etcd-servers=http://127.0.0.1:23790 --bind-address=127.0.0.1 --advertise-address=127.0.0.1 \
    --secure-port=26443 --cert-dir="$work/pki" --service-cluster-ip-range=10.96.0.0/24 \
    --token-auth-file="$work/pki/tokens.csv" --authorization-mode=RBAC \
    --service-account-issuer=https://kubernetes.default.svc --service-account-signing-key-file="$work/pki/sa.key" \
    --service-account-key-file="$work/pki/sa.key"
until_true 60 kubectl get --raw /readyz
run kube-controller-manager --kubeconfig "$KUBECONFIG" --bind-address=127.0.0.1 --port=0 --secure-port=20257 \
    --service-account-private-key-file="$work/pki/sa.key" --root-ca-file="$work/pki/apiserver.crt" \
    --use-service-account-credentials=true --leader-elect=false --allocate-node-cidrs=false \
    --horizontal-pod-autoscaler-sync-period=5s
run kube-scheduler --kubeconfig "$KUBECONFIG" --bind-address=127.0.0.1 --port=0 --secure-port=20259 --leader-elect=false
cat >"$work/kubelet.yaml" <<EOF
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: 127.0.0.1
port: 20250
healthzPort: 20248
readOnlyPort: 0
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
cgroupDriver: cgroupfs
failSwapOn: false
clusterDNS: ["$node"]
clusterDomain: cluster.local
hairpinMode: promiscuous-bridge
imageGCHighThresholdPercent: 100
evictionHard: {memory.available: "100Mi", nodefs.available: "1%", imagefs.available: "1%"}
EOF
run kubelet --config "$work/kubelet.yaml" --kubeconfig "$KUBECONFIG" --root-dir "$work/kubelet" \
    --cert-dir "$work/kubelet/pki" --container-runtime=docker --docker-endpoint="$DOCKER_HOST" \
    --pod-infra-container-image=pause-stand-in:1 --hostname-override=localhost --node-ip="$node"
run kube-proxy --kubeconfig "$KUBECONFIG" --hostname-override=localhost --proxy-mode=iptables \
    --metrics-bind-address=127.0.0.1:20249 --healthz-bind-address=127.0.0.1:20256 --cluster-cidr=172.16.0.0/12 \
    --conntrack-max-per-core=0
until_true 60 sh -c "kubectl get node localhost | grep -q ' Ready'"
say "a node is ready: $(kubectl get node localhost -o 'jsonpath={.status.nodeInfo.kubeletVersion}')"

manifests() { kubectl kustomize deploy/ci/k8s | sed "s#/srv/#$work/srv/#"; }
manifests | kubectl apply -f - >/dev/null
deploy/ci/secrets-for-kubernetes.sh "$work/checkout"
run_dns() {
    kubectl -n anonymizer get services -o go-template='{{range .items}}{{.spec.clusterIP}} {{.metadata.name}}.anonymizer.svc.cluster.local{{"\n"}}{{end}}' >"$work/dns/services"
    run dnsmasq --no-daemon --no-resolv --no-hosts --listen-address="$node" --bind-interfaces --hostsdir="$work/dns" \
        --domain=cluster.local --local=/cluster.local/
}
run_dns
everything="statefulset/redis deployment/watcher deployment/worker deployment/sheets deployment/flower deployment/console"
rolled_out() { for what in $everything; do kubectl -n anonymizer rollout status "$what" --timeout=180s | tail -1; done; }
rolled_out >&2
say "rolled out"

k() { kubectl -n anonymizer "$@"; }
published() { [ "$(find "$work/srv/anonymizer/$1" -maxdepth 1 -name 'ANON_*' | wc -l)" = "$2" ]; }
lines() { cat "$work/srv/anonymizer/$1"/VicRapidPlan_trackingFile_*.txt | tail -n +2 | wc -l; }
k exec deployment/watcher -- anonymizer demo /share/DEMO >/dev/null
until_true 120 published DEMO 3
say "three sets are published"
drawn() { [ "$(find "$work/srv/anonymizer/$1/sheets" -name "ANON_*.$2" -size +10k | wc -l)" = "$3" ]; }
until_true 120 drawn DEMO html 3
until_true 120 drawn DEMO pdf 3
[ "$(stat --format %u "$work"/srv/anonymizer/DEMO/sheets/*.pdf | sort -u)" = 10001 ]
[ "$(k get pods -l app.kubernetes.io/name=sheets -o 'jsonpath={.items[*].status.containerStatuses[*].restartCount}')" = 0 ]
say "their sheets are drawn, HTML and PDF"

k scale deployment/worker --replicas=3 >/dev/null
k rollout status deployment/worker --timeout=120s | tail -1 >&2
k exec deployment/watcher -- anonymizer demo /share/STORM --sets 12 --ct 40 --seed 7 >/dev/null
until_true 90 sh -c "ls -d $work/srv/anonymizer/STORM/ANON_*"
k delete pod --force --grace-period=0 redis-0 "$(k get pods -l app.kubernetes.io/name=worker -o name | head -1 | cut -d/ -f2)" >/dev/null 2>&1
say "a worker and Redis are killed while $(find "$work/srv/anonymizer/STORM" -maxdepth 1 -name 'ANON_*' | wc -l) of 12 sets are published"
until_true 240 published STORM 12
say "all twelve are published"
until_true 90 sh -c "[ \$(cat $work/srv/anonymizer/STORM/VicRapidPlan_trackingFile_*.txt | tail -n +2 | wc -l) = 12 ]"
[ "$(lines DEMO)" = 3 ]
for what in statefulset/redis deployment/worker; do k rollout status "$what" --timeout=180s | tail -1 >&2; done
say "everything is ready again: DEMO $(lines DEMO) lines, STORM $(lines STORM) lines"
k exec deployment/watcher -- python -c "
import urllib.request
told = urllib.request.urlopen('http://127.0.0.1:9464/metrics').read().decode()
print(*[line for line in told.splitlines() if line.startswith(('anonymizer_sets', 'anonymizer_backlog', 'anonymizer_redis_up', 'anonymizer_share_up'))], sep='\n')" >&2
k get pods >&2

# An upgrade and its rollback, each with sets in work. The newer image differs only in its version.
printf '%s\n' 'FROM rt-set-anonymizer:0.1.0' 'USER 0' \
    'RUN cd /opt/anonymizer/lib/python3*/site-packages && sed -i "s/0\.1\.0/0.1.1/" anonymizer/__init__.py && \
     sed -i "s/^Version: .*/Version: 0.1.1/" rt_set_anonymizer-*.dist-info/METADATA' 'USER 10001:10001' |
    docker build -q -t rt-set-anonymizer:0.1.1 - >/dev/null
apply_version() { manifests | sed "s#image: rt-set-anonymizer:.*#image: rt-set-anonymizer:$1#" | kubectl apply -f - >/dev/null; }
count() { find "$work/srv/anonymizer/$1" -maxdepth 1 -name 'ANON_*' | wc -l; }
each_once() { # COLLECTION SETS
    until_true 240 published "$1" "$2"
    until_true 90 sh -c "[ \$(cat $work/srv/anonymizer/$1/VicRapidPlan_trackingFile_*.txt | tail -n +2 | cut -d, -f1 | sort -u | wc -l) = $2 ]"
    [ "$(lines "$1")" = "$2" ]
    k exec deployment/watcher -- anonymizer doctor "/share/$1" >/dev/null
}
for step in FORTH:0.1.1 BACK:0.1.0; do
    k exec deployment/watcher -- anonymizer demo "/share/${step%:*}" --sets 12 --ct 40 --seed 11 >/dev/null
    until_true 90 sh -c "ls -d $work/srv/anonymizer/${step%:*}/ANON_*"
    apply_version "${step#*:}"
    say "${step#*:} replaces the other version while $(count "${step%:*}") of 12 sets are published"
    rolled_out >/dev/null
    for one in watcher worker; do [[ $(k exec "deployment/$one" -- anonymizer --version) == "anonymizer ${step#*:}"* ]]; done
    each_once "${step%:*}" 12
    say "${step#*:} runs everywhere; the twelve sets are published, each once"
done

# More work than one worker can do: the HPA as shipped, except for this cluster's name of its API version.
run .venv/bin/python deploy/ci/pod_metrics.py 20251 "$work/pki/apiserver.crt" "$work/pki/apiserver.key"
kubectl apply -f - >/dev/null <<'EOF'
apiVersion: v1
kind: Service
metadata: {name: pod-metrics, namespace: kube-system}
spec: {type: ExternalName, externalName: localhost}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.metrics.k8s.io}
spec:
  group: metrics.k8s.io
  version: v1beta1
  service: {name: pod-metrics, namespace: kube-system, port: 20251}
  insecureSkipTLSVerify: true
  groupPriorityMinimum: 100
  versionPriority: 100
EOF
workers() { [ "$(k get deployment worker -o 'jsonpath={.spec.replicas}')" = "$1" ]; }
until_true 90 sh -c "kubectl get --raw /apis/metrics.k8s.io/v1beta1/namespaces/anonymizer/pods | grep -q '\"name\": \"worker\"'"
workers 1
sed 's#autoscaling/v2#autoscaling/v2beta2#; s#maxReplicas: 10#maxReplicas: 3#' k8s/components/hpa/hpa.yaml >"$work/hpa.yaml"
k apply -f "$work/hpa.yaml" >/dev/null
scaler=/apis/autoscaling/v2beta2/namespaces/anonymizer/horizontalpodautoscalers/worker
kubectl get --raw "$scaler" | grep -q '"stabilizationWindowSeconds": *600'
k exec deployment/watcher -- anonymizer demo /share/BUSY --sets 30 --ct 40 --seed 12 >/dev/null
until_true 180 workers 3
say "the HPA made three workers of one while $(count BUSY) of 30 sets are published"
each_once BUSY 30
sed 's#600#10#' "$work/hpa.yaml" | k apply -f - >/dev/null
until_true 240 workers 1
k delete -f "$work/hpa.yaml" >/dev/null
say "the thirty are published, each once; with nothing to do, and ten seconds to wait in place of 600, one worker is left"
k exec deployment/worker -- sh -c 'test ! -e /var/run/secrets/kubernetes.io && ! env | grep -q _SERVICE_HOST=.*redis'
say "no account token, no service links"

# The lines of docs/operations.md: users of the console are changed, then Redis' password, in two steps.
printf '%s\n' "seven quiet tortoises" "seven quiet tortoises" |
    ANONYMIZER_CONSOLE_USERS=$work/checkout/users .venv/bin/anonymizer console --add-user anna >/dev/null
cd "$work/checkout"
kubectl -n anonymizer create secret generic console --from-file=users --dry-run=client -o yaml | kubectl apply -f - >/dev/null
before=$(cat secrets/redis_password)
for step in begin end; do
    deploy/change-redis-password.sh $step >/dev/null
    kubectl -n anonymizer create secret generic anonymizer --from-file=secrets --dry-run=client -o yaml | kubectl apply -f - >/dev/null 2>&1
    kubectl -n anonymizer rollout restart statefulset,deployment >/dev/null
    rolled_out >/dev/null
done
cd - >/dev/null
asked() { k exec redis-0 -- redis-cli --no-auth-warning --user anonymizer --pass "$1" hlen anonymizer:unacked 2>&1; }
until_true 60 sh -c "! kubectl -n anonymizer get pods | grep -q Terminating"
[ "$before" != "$(cat "$work/checkout/secrets/redis_password")" ]
[[ $(asked "$before") == *WRONGPASS* && $(asked "$(cat "$work/checkout/secrets/redis_password")") == [0-9]* ]]
k exec deployment/watcher -- anonymizer demo /share/LATER --sets 1 --seed 9 >/dev/null
until_true 120 published LATER 1
say "Redis' password is another one, and a set is published with it"
console=$(k get pods -l app.kubernetes.io/name=console -o 'jsonpath={.items[0].status.podIP}')
.venv/bin/python - "$console" <<'EOF'
import http.client, re, sys
from urllib.parse import urlencode

def ask(method, path, fields=None, cookies=""):
    asking = http.client.HTTPConnection(sys.argv[1], 8765, timeout=20)
    head = {"Cookie": cookies, "Content-Type": "application/x-www-form-urlencoded"}
    asking.request(method, path, urlencode(fields) if fields else None, head)
    answer = asking.getresponse()
    return answer.status, answer.headers, answer.read().decode()

_, head, page = ask("GET", "/login")
cookie = "; ".join(one.partition(";")[0] for one in head.get_all("Set-Cookie") or [])
token = re.search(r'name="csrf" value="([^"]*)"', page)[1]
for password, expected in (("wrong", 403), ("seven quiet tortoises", 303)):
    status, _, _ = ask("POST", "/login", {"csrf": token, "user": "anna", "password": password}, cookie)
    assert status == expected, status
EOF
say "the console knows who may log in"

kubectl kustomize k8s/overlays/second-installation | sed "s#/srv/#$work/srv/#" >"$work/second.yaml"
kubectl apply -f "$work/second.yaml" >"$work/applied"
if grep -v ' created$' "$work/applied" >&2; then exit 1; fi # the first installation is not changed
for one in anonymizer anonymizer-2; do
    until_true 60 sh -c "kubectl -n $one get pvc share -o 'jsonpath={.status.phase}' | grep -q Bound"
done
rolled_out >/dev/null
say "a second installation lives beside the first; passed"
