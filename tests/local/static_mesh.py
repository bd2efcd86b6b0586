"""Two injected pods and a configuration without a control plane, as a program of its own:

    python -m tests.local.static_mesh MODE ENVOY STATE-FOLDER [--stay]

Its last line is what the client's application saw, or, with `--stay`, its process id.
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from heddle.local.modes import RunMode
from heddle.local.pods import InjectedPod, Line
from mesh.proxy import Mode
from tests.local.nodes import FOREVER_SILENT, SERVER, Lines, container, pod, runner
from webhook.inject import inject
from webhook.raw import metadata as metadata_of
from webhook.settings import InjectSettings, ProxyFacts

ADDRESSES = {
    RunMode.NAMESPACES: ("10.201.1.1", "10.201.1.2"),
    RunMode.PROXY_PORT: ("127.126.1.1", "127.126.1.2"),
}
"""Of the client and of the server."""
SERVICE_ADDRESS = "10.202.0.9"
HOSTS = {"server.shop.svc.cluster.local": (SERVICE_ADDRESS,)}

CLIENT = """
import json, os, socket, sys, urllib.request
def get(url):
    with urllib.request.urlopen(url, timeout=60) as answer:
        return {"body": answer.read().decode(), **answer.headers}
def caught(path):
    try:
        return open(path).read() and "readable"
    except OSError as error:
        return type(error).__name__
namespaces = sys.argv[1] == "namespaces"
print(json.dumps({
    "by_name": get("http://server/" if namespaces else "http://server.shop/"),
    "by_address": get("http://10.202.0.9/"),
    "uid": os.getuid(),
    "host": socket.gethostname(),
    "token": caught("/var/run/secrets/heddle/token"),
}), flush=True)
"""

PROBERS = "sidecar.istio.io/rewriteAppHTTPProbers"
PASSTHROUGH: Mapping[str, object] = {
    "type": "ORIGINAL_DST",
    "lb_policy": "CLUSTER_PROVIDED",
    "upstream_bind_config": {"source_address": {"address": "127.0.0.6", "port_value": 0}},
}

_TYPE = "type.googleapis.com/envoy.extensions."


def bootstrap(facts: ProxyFacts, /) -> Mapping[str, object]:
    """Outbound goes to the server, inbound to the application; both leave a mark."""
    if facts.mode is Mode.REDIRECT:
        own, peer = "0.0.0.0", (ADDRESSES[RunMode.NAMESPACES][1], 8080)
    else:
        own, peer = "$(POD_IP)", (ADDRESSES[RunMode.PROXY_PORT][1], 15006)
    app = PASSTHROUGH if facts.mode is Mode.REDIRECT else _static("app", own, 8080)
    return {
        "node": {"id": "$(POD_NAME).$(POD_NAMESPACE)", "cluster": facts.cluster},
        "static_resources": {
            "listeners": [
                _listener(own, 15021, {"direct_response": {"status": 200}}, "ready"),
                _listener(own, 15001, {"route": {"cluster": "server"}}, "out"),
                _listener(own, 15006, {"route": {"cluster": "app"}}, "in"),
            ],
            "clusters": [{"name": "server", **_static("server", *peer)}, {"name": "app", **app}],
        },
    }


def _listener(own: str, port: int, action: Mapping[str, object], mark: str) -> dict[str, object]:
    routes = {
        "virtual_hosts": [
            {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, **action}]}
        ],
        "response_headers_to_add": [{"header": {"key": f"x-{mark}", "value": "$(POD_NAME)"}}],
    }
    router = {"@type": f"{_TYPE}filters.http.router.v3.Router"}
    manager = {
        "@type": f"{_TYPE}filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": mark,
        "route_config": routes,
        "http_filters": [{"name": "router", "typed_config": router}],
    }
    original = {"@type": f"{_TYPE}filters.listener.original_dst.v3.OriginalDst"}
    return {
        "name": mark,
        "address": {"socket_address": {"address": own, "port_value": port}},
        "listener_filters": [{"name": "original_dst", "typed_config": original}],
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }


def _static(name: str, address: str, port: int) -> Mapping[str, object]:
    socket = {"socket_address": {"address": address, "port_value": port}}
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": socket}}]}]
    return {"load_assignment": {"cluster_name": name, "endpoints": endpoints}}


def injected(raw: Mapping[str, object], mode: RunMode) -> dict[str, object]:
    """The pod with its sidecar, which knows nothing of the application's probes."""
    metadata = {**metadata_of(raw), "annotations": {PROBERS: "false"}}
    interception = Mode.REDIRECT if mode is RunMode.NAMESPACES else Mode.NONE
    settings = InjectSettings(bootstrap=bootstrap, sds_token="{}", sds_ca="{}", mode=interception)
    namespace = {"metadata": {"name": "shop", "labels": {"istio-injection": "enabled"}}}
    result = inject({**raw, "metadata": metadata}, namespace, settings)
    assert result.skipped is None
    assert not result.refused
    return result.pod


async def main(mode: RunMode, envoy: Path, state: Path, *, stay: bool) -> None:
    """Start the server, then the client; show what the client's application says."""
    lines = Lines()
    client_address, server_address = ADDRESSES[mode]
    ready = {"tcpSocket": {"port": 8080}, "periodSeconds": 1}
    bind = [{"name": "BIND", "value": "$(POD_IP)" if mode is RunMode.PROXY_PORT else "0.0.0.0"}]
    app = container(SERVER, "8080", "hello", readinessProbe=ready, env=bind)
    # This configuration has no listener that would answer probes for the application.
    direct = {"sidecar.istio.io/rewriteAppHTTPProbers": "false"}
    raw = pod("server", server_address, app, annotations=direct)
    server = InjectedPod(raw=injected(raw, mode))
    app = container(CLIENT + FOREVER_SILENT, mode)
    client = InjectedPod(raw=injected(pod("client", client_address, app), mode))
    async with runner(mode, state, envoy=envoy, on_line=lines) as node:
        await node.reconcile({"server": server}, HOSTS, b"root")
        await node.all_ready()
        await node.reconcile({"server": server, "client": client}, HOSTS, b"root")
        async with asyncio.timeout(60):
            await lines.until(lambda seen: any(_is_answer(line) for line in seen))
        if stay:
            print(os.getpid(), flush=True)
            await asyncio.Event().wait()
    print(next(line.text.decode() for line in lines.lines if _is_answer(line)), flush=True)


def _is_answer(line: Line) -> bool:
    if (line.pod, line.container, line.stream) == ("client", "app", "stdout"):
        return True
    print(line.pod, line.container, line.text.decode(), file=sys.stderr)
    return False


if __name__ == "__main__":
    _, chosen, binary, folder, *flags = sys.argv
    asyncio.run(main(RunMode(chosen), Path(binary), Path(folder), stay="--stay" in flags))
