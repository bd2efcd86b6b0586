"""Kiali's server, asked once: what it answers at its addresses.

    python -m e2e.kube.kiali KIALI CONFIG FOLDER POD

Prints what it says of the pod (namespace/name) in JSON. Prometheus, which it needs for one of its
pages, is one that knows of no metrics.
"""

import json
import sys
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from tests.kube.process import Running
from tests.kube.server import wait_for

PORT, PROMETHEUS = 20001, 20002
_URL = f"http://127.0.0.1:{PORT}/kiali/api"
_SECONDS = 20.0
_NOTHING = {"status": "success", "data": {"resultType": "vector", "result": []}}


class _NoMetrics(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(_NOTHING).encode())

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.do_GET()


def main(kiali: Path, config: Path, folder: Path, pod: str) -> None:
    """Prints the answers, by what they are about."""
    namespace, _, name = pod.partition("/")
    app = name.split("-")[0]
    paths = {
        "status": "istio/status",
        "services": f"clusters/services?namespaces={namespace}",
        "clusters": f"namespaces/{namespace}/pods/{name}/config_dump/clusters",
        "routes": f"namespaces/{namespace}/pods/{name}/config_dump/routes",
        "listeners": f"namespaces/{namespace}/pods/{name}/config_dump/listeners",
        "dump": f"namespaces/{namespace}/pods/{name}/config_dump",
        "workload": f"namespaces/{namespace}/workloads/{app}?validate=false",
    }
    metrics = HTTPServer(("127.0.0.1", PROMETHEUS), _NoMetrics)
    threading.Thread(target=metrics.serve_forever, daemon=True).start()
    with Running((kiali, "-config", config), folder) as running:
        wait_for(running, f"{_URL}/status")
        found = {about: _asked(path) for about, path in paths.items()}
        _asked(f"namespaces/{namespace}/pods/{name}/logging?level=info", "POST")
    print(json.dumps(found))


def _asked(path: str, method: str = "GET") -> object:
    request = urllib.request.Request(f"{_URL}/{path}", method=method)
    with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
        body = answer.read()
    return json.loads(body) if body.strip() else None


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])
