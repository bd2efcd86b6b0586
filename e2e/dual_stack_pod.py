"""A pod with an IPv4 and an IPv6 address, alone in the network namespace that this runs in: the
rules of the init container, the real Envoy with what the translator makes, and the application.

    unshare --net --mount python -m e2e.dual_stack_pod ENVOY FOLDER

There is no control plane that would certify it, so there is no mTLS. The application calls its own
Service at both virtual IPs, so every call leaves through the sidecar and comes in through it. It
asks for its name, too, of a resolver that is not there.
Printed is a JSON object: what the server saw, by address and port, and the addresses of the name.
"""

import asyncio
import json
import subprocess
import sys
from asyncio import StreamReader, StreamWriter
from pathlib import Path

from crds.core import Pod
from e2e.programs import questions
from heddle.demo.http_message import head, read_message
from mesh.endpoint_index import pod_key
from mesh.proxy import proxy_from
from tests.meshes import mesh_of
from tests.translator.envoy import as_json
from tests.translator.placed import placed
from tests.translator.running import LISTENING
from translator.translate import translate
from webhook.iptables import ADDRESSES, PROXY_UID, Interception, script

V4, V6 = "10.1.0.5", "fd00::5"
SERVICE_V4, SERVICE_V6 = "10.2.0.7", "fd00:1::7"
RESOLVER = "fd00::53"
NAME = "web.shop.svc.cluster.local"
HTTP, TCP, DETECTED = 8080, 9000, 7000
OBJECTS = f"""
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {{name: plaintext, namespace: shop}}
spec: {{mtls: {{mode: DISABLE}}}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: plaintext, namespace: shop}}
spec: {{host: web, trafficPolicy: {{tls: {{mode: DISABLE}}}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: web, namespace: shop}}
spec:
  clusterIP: {SERVICE_V6}
  clusterIPs: ['{SERVICE_V6}', {SERVICE_V4}]
  selector: {{app: web}}
  ports:
    - {{name: http, port: {HTTP}}}
    - {{name: tcp, port: {TCP}}}
    - {{name: odd, port: {DETECTED}}}
---
apiVersion: v1
kind: Pod
metadata: {{name: web, namespace: shop, labels: {{app: web}},
  annotations: {{sidecar.istio.io/status: '{{}}', heddle.io/dns-capture: 'true'}}}}
spec: {{containers: [{{name: web}}]}}
status: {{podIP: '{V6}', podIPs: [{{ip: '{V6}'}}, {{ip: {V4}}}], phase: Running}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: web-1, namespace: shop, labels: {{kubernetes.io/service-name: web}}}}
addressType: IPv6
ports: [{{name: http, port: {HTTP}}}, {{name: tcp, port: {TCP}}}, {{name: odd, port: {DETECTED}}}]
endpoints: [{{addresses: ['{V6}'], targetRef: {{kind: Pod, name: web}}}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: web, namespace: shop}}
spec:
  hosts: [web]
  http:
    - headers: {{request: {{set: {{x-routed: "yes"}}}}}}
      route: [{{destination: {{host: web}}}}]
"""
NETWORK = f"""
set -eu
ip link set lo up
ip link add eth0 type veth peer name far
ip link set far up
ip link set eth0 up
ip address add {V4}/16 dev eth0
ip route add default dev eth0
ip -6 address add {V6}/64 dev eth0 nodad
ip -6 route add default dev eth0
mount -t tmpfs none /mnt
echo 'nameserver {RESOLVER}' >/mnt/resolv.conf
mount --bind /mnt/resolv.conf /etc/resolv.conf
export {ADDRESSES}={V6},{V4}
{script(Interception(dns=True))}
"""


async def _answer(reader: StreamReader, writer: StreamWriter) -> None:
    """A line with the peer's address and, of a request, the header that the rule sets."""
    first = await reader.readline()
    routed = ""
    if b" HTTP/1.1" in first:
        whole = StreamReader()
        whole.feed_data(first + await reader.readuntil(b"\r\n\r\n"))
        request = await read_message(whole)
        routed = request.headers.get("x-routed", "") if request else ""
    said = f"{writer.get_extra_info('peername')[0]} {routed}\n".encode()
    if routed:
        said = head("HTTP/1.1 200 OK", {"content-length": str(len(said))}) + said
    writer.write(said)
    await writer.drain()
    writer.close()


async def _ask(host: str, port: int, *, http: bool) -> str:
    reader, writer = await asyncio.open_connection(host, port)
    authority = {"host": "web", "connection": "close"}
    writer.write(head("GET / HTTP/1.1", authority) if http else b"hello\n")
    if not http:
        return (await reader.readline()).decode().strip()
    answer = await read_message(reader)
    return f"{answer.first_line[1]} {answer.body.decode().strip()}" if answer else ""


async def _asked() -> dict[str, object]:
    servers = [
        await asyncio.start_server(_answer, host, port)
        for port in (HTTP, TCP, DETECTED)
        for host in (V4, V6)
    ]
    found: dict[str, object] = {}
    async with asyncio.timeout(60):
        ((_, found[NAME]),) = await questions.ask([(NAME, questions.AAAA)])
        for host in (SERVICE_V4, SERVICE_V6):
            found[f"{host} http"] = await _ask(host, HTTP, http=True)
            found[f"{host} tcp"] = await _ask(host, TCP, http=False)
            found[f"{host} detected"] = await _ask(host, DETECTED, http=True)
    for server in servers:
        server.close()
    return found


def _bootstrap() -> dict[str, object]:
    mesh = mesh_of(OBJECTS)
    pod = mesh.endpoints.pods[pod_key("shop", "web")]
    assert isinstance(pod, Pod)
    whole = placed(translate(mesh, proxy_from(pod)))
    return {
        "static_resources": {
            "clusters": [as_json(each) for each in whole.clusters],
            "listeners": [as_json(each) for each in whole.listeners],
        }
    }


def main(envoy: str, folder: Path) -> None:
    """Prints what the server saw."""
    subprocess.run(["/bin/sh", "-c", NETWORK], check=True, stdout=sys.stderr)
    (folder / "bootstrap.json").write_text(json.dumps(_bootstrap()))
    arguments = ["--config-path", str(folder / "bootstrap.json"), "--concurrency", "1"]
    with subprocess.Popen(
        [envoy, *arguments, "--disable-hot-restart"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        user=PROXY_UID,
        group=PROXY_UID,
        extra_groups=(),
    ) as process:
        try:
            assert process.stderr is not None
            said = ""
            while LISTENING not in said:
                line = process.stderr.readline()
                assert line, said
                said += line
            print(json.dumps(asyncio.run(_asked())))
        finally:
            process.kill()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
