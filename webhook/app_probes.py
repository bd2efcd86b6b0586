"""Leads the kubelet's probes of an application through the sidecar, as Istio does: a port that asks
for certificates of the mesh would refuse the kubelet.

Probes stay as they are where they do not come by the sidecar: those that run a command, go to
another host, or to a port that is not redirected.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from mesh.app_probes import AppProbe, GrpcCheck, HttpCheck, TcpCheck
from mesh.interception import PROBE_PORT, is_redirected
from webhook import raw

_KINDS = {"startupProbe": "startupz", "readinessProbe": "readyz", "livenessProbe": "livez"}
"""The fields of a container, and what Istio's paths call them."""
_HANDLERS = ("httpGet", "tcpSocket", "grpc")
_AS_WRITTEN = "/?&=%:@!'()*+,;~-._[]"
_PERIOD, _TIMEOUT = 10, 1
"""Kubernetes' defaults, in seconds."""
_LONGEST = 86_400


@dataclass(frozen=True, slots=True)
class Led:
    """A pod's spec whose probes go to the sidecar, and what it has to know of them."""

    spec: Mapping[str, object]
    probes: tuple[AppProbe, ...] = ()


def led_through_sidecar(spec: Mapping[str, object], annotations: Mapping[str, str]) -> Led:
    """`annotations` are the pod's, which say what is redirected."""
    lists: dict[str, object] = {}
    probes: list[AppProbe] = []
    for name in ("initContainers", "containers"):
        containers = raw.objects(spec.get(name))
        found = [_led(container, annotations) for container in containers]
        probes += [probe for led in found for probe in led.values()]
        if any(found):
            lists[name] = list(map(_rewritten, containers, found))
    return Led({**spec, **lists}, tuple(probes))


def _led(container: Mapping[str, object], annotations: Mapping[str, str]) -> Mapping[str, AppProbe]:
    """The probes of a container, by field."""
    found = {field: _app_probe(container, field, annotations) for field in _KINDS}
    return {field: probe for field, probe in found.items() if probe is not None}


def _rewritten(
    container: Mapping[str, object], probes: Mapping[str, AppProbe]
) -> Mapping[str, object]:
    asked = {field: _of_sidecar(container[field], probe) for field, probe in probes.items()}
    return {**container, **asked}


def _of_sidecar(given: object, probe: AppProbe) -> dict[str, object]:
    """The same probe, of the sidecar: headers and times stay."""
    kept = {name: part for name, part in raw.mapping(given).items() if name not in _HANDLERS}
    headers = raw.mapping(raw.mapping(given).get("httpGet")).get("httpHeaders")
    get = {"path": probe.path, "port": PROBE_PORT, "scheme": "HTTP"}
    return {**kept, "httpGet": {**get, "httpHeaders": headers} if headers else get}


def _app_probe(
    container: Mapping[str, object], field: str, annotations: Mapping[str, str]
) -> AppProbe | None:
    given = raw.mapping(container.get(field))
    handlers = [name for name in _HANDLERS if given.get(name) is not None]
    if len(handlers) != 1:
        return None
    asked = raw.mapping(given[handlers[0]])
    port = _port(asked.get("port"), container)
    if raw.text(asked.get("host")) or not port or not is_redirected(annotations, port):
        return None
    return AppProbe(
        path=f"/app-health/{raw.text(container.get('name'))}/{_KINDS[field]}",
        port=port,
        check=_check(handlers[0], asked),
        period=_seconds(given.get("periodSeconds"), _PERIOD),
        timeout=_seconds(given.get("timeoutSeconds"), _TIMEOUT),
    )


def _check(handler: str, asked: Mapping[str, object]) -> HttpCheck | TcpCheck | GrpcCheck:
    if handler == "tcpSocket":
        return TcpCheck()
    if handler == "grpc":
        return GrpcCheck(service=raw.text(asked.get("service")))
    # As a client would send it: escaped where it has to be, and without a fragment.
    path = raw.text(asked.get("path")).partition("#")[0]
    path = quote(path, safe=_AS_WRITTEN, errors="replace")
    return HttpCheck(path=f"/{path.removeprefix('/')}", tls=_scheme(asked) == "HTTPS")


def _scheme(asked: Mapping[str, object]) -> str:
    return raw.text(asked.get("scheme")).upper()


def _port(value: object, container: Mapping[str, object]) -> int:
    """A number, or the name of one of the container's ports; 0 if it is neither."""
    named = {
        raw.text(port.get("name")): port.get("containerPort")
        for port in raw.objects(container.get("ports"))
    }
    number = named.get(value) if isinstance(value, str) else value
    valid = isinstance(number, int) and not isinstance(number, bool) and 0 < number < 65536
    return number if valid and isinstance(number, int) else 0


def _seconds(value: object, default: int) -> int:
    return min(value, _LONGEST) if isinstance(value, int) and value > 0 else default
