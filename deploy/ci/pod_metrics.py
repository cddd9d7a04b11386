"""Serve metrics.k8s.io for an autoscaler, from the Docker engine's figures: pod_metrics.py PORT CERTIFICATE KEY.

A substitute for metrics-server, which Debian does not package, and whose source, kubelet's summary, lists no pods if
the engine keeps its data in a separate folder. It serves only the requests of the HorizontalPodAutoscaler.
"""

# ruff: noqa: INP001, S603 - a separate command that calls the engine's

import json
import ssl
import subprocess
import sys
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

port, certificate, key = sys.argv[1:]
GROUP = "metrics.k8s.io/v1beta1"
RESOURCES = {
    "kind": "APIResourceList",
    "apiVersion": "v1",
    "groupVersion": GROUP,
    "resources": [{"name": "pods", "namespaced": True, "kind": "PodMetrics", "verbs": ["get", "list"]}],
}


def pods() -> dict[str, object]:
    """Return the current CPU and memory use of all pods, each of which has one container."""
    command = ["docker", "stats", "--no-stream", "--format", "{{json .}}"]
    measured = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    items = [use(json.loads(line), at) for line in measured.splitlines() if '"Name":"k8s_' in line]
    return {"kind": "PodMetricsList", "apiVersion": GROUP, "metadata": {}, "items": [*filter(None, items)]}


def use(measured: dict[str, str], at: str) -> dict[str, object] | None:
    """Return the use of one container in metrics-server's format; None for a pod's sandbox."""
    _, container, pod, namespace, *_ = measured["Name"].split("_")
    if container == "POD":
        return None
    cores = float(measured["CPUPerc"].removesuffix("%")) / 100
    usage = {"cpu": f"{round(cores * 1e9)}n", "memory": measured["MemUsage"].partition("B")[0]}
    return {
        "metadata": {"name": pod, "namespace": namespace},
        "timestamp": at,
        "window": "2s",
        "containers": [{"name": container, "usage": usage}],
    }


class Metrics(BaseHTTPRequestHandler):
    """Handle the two requests: the list of resources, and the pods' metrics."""

    def do_GET(self) -> None:
        """Respond with JSON, regardless of the accepted types."""
        body = json.dumps(pods() if "/pods" in self.path else RESOURCES).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


server = ThreadingHTTPServer(("127.0.0.1", int(port)), Metrics)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
