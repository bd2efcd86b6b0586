"""The annotations with which a pod's author tunes its sidecar, by Istio's names.

A bad value is an error, for the pod would run in another way than its author believes. What Istio
knows and we do not use is a warning.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from crds.mesh_config import CertificateSource
from crds.meta import Annotation, Key
from crds.path import did_you_mean, step
from crds.problem import Problem, Severity
from mesh.interception import EXCLUDE_INBOUND, INCLUDE_INBOUND
from mesh.proxy import GATEWAY_TEMPLATE, Mode, Role
from webhook.iptables import ALL, Interception
from webhook.problems import error, warning
from webhook.proxy_config import PROXY_CONFIG_DEFAULTS, ProxyConfig, proxy_config
from webhook.settings import InjectSettings, Quantities

T = TypeVar("T")

TRAFFIC = "traffic.sidecar.istio.io/"
SIDECAR = "sidecar.istio.io/"
_READINESS = "readiness.status.sidecar.istio.io/"
_OTHERS = frozenset({Annotation.INJECT, Annotation.STATUS})
_PREFIXES = (TRAFFIC, SIDECAR, _READINESS, "status.sidecar.istio.io/")

_LOG_LEVELS = ("trace", "debug", "info", "warning", "warn", "error", "critical", "off")
_COMPONENT_LEVELS = re.compile(rf"[a-z0-9_]+:({'|'.join(_LOG_LEVELS)})")
_QUANTITY = re.compile(r"\d{1,18}(\.\d{1,9})?([mk]|[KMGTPE]i?|e\d{1,2})?", re.ASCII)
_INTERFACE = re.compile(r"[A-Za-z0-9_.@-]{1,15}\+?")
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,511}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Timing of the readiness probe, in seconds and in failures."""

    initial_delay: int = 0
    period: int = 15
    failure_threshold: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the sidecar of one pod is like: the settings, overridden by its annotations."""

    mode: Mode
    role: Role
    native_sidecar: bool
    proxy_image: str
    log_level: str
    component_log_level: str
    concurrency: int
    drain_seconds: int
    termination_drain_seconds: int
    resources: Quantities
    readiness: Readiness
    interception: Interception
    lead_probes: bool
    """Whether the kubelet's probes of the application are sent to the sidecar."""
    source: CertificateSource
    """Where the workload has its certificate from."""


def options(
    pod: Key, annotations: Mapping[str, str], settings: InjectSettings
) -> tuple[Options, tuple[Problem, ...]]:
    """Reads them all; an option with a bad value has its default."""
    reader = _Reader(pod=pod, annotations=annotations, defaults=settings.default_annotations)
    config = reader.read(Annotation.PROXY_CONFIG, proxy_config, PROXY_CONFIG_DEFAULTS)
    concurrency, drain = config.concurrency, config.drain_seconds
    last = config.termination_drain_seconds
    result = Options(
        mode=reader.read(Annotation.INTERCEPTION_MODE, _mode, settings.mode),
        role=reader.read(Annotation.TEMPLATES, _role, Role.SIDECAR),
        native_sidecar=reader.read(SIDECAR + "nativeSidecar", _boolean, settings.native_sidecar),
        proxy_image=reader.read(Annotation.PROXY_IMAGE, _image, settings.proxy_image),
        log_level=reader.read(SIDECAR + "logLevel", _log_level, settings.log_level),
        component_log_level=reader.read(SIDECAR + "componentLogLevel", _component_levels, ""),
        concurrency=settings.concurrency if concurrency is None else concurrency,
        drain_seconds=settings.drain_seconds if drain is None else drain,
        termination_drain_seconds=settings.termination_drain_seconds if last is None else last,
        resources=_resources(reader, settings.resources),
        readiness=Readiness(
            initial_delay=reader.read(_READINESS + "initialDelaySeconds", _number, 0),
            period=reader.read(_READINESS + "periodSeconds", _positive, 15),
            failure_threshold=reader.read(_READINESS + "failureThreshold", _positive, 4),
        ),
        interception=_interception(reader, config, settings),
        source=settings.source,
        lead_probes=reader.read(SIDECAR + "rewriteAppHTTPProbers", _boolean, True),
    )
    return result, (*reader.problems, *_unused(pod, annotations, reader.known, config))


def complaint(name: str, text: str) -> str | None:
    """What is wrong with the value of one annotation; nothing if it is good."""
    settings = InjectSettings(bootstrap=lambda _: {}, sds_token="", sds_ca="")
    _, problems = options(Key("", "Pod", "", ""), {name: text}, settings)
    return next((each.message for each in problems if each.severity is Severity.ERROR), None)


@dataclass(slots=True, kw_only=True)
class _Reader:
    """Reads one annotation after the other and gathers what was wrong and what is known."""

    pod: Key
    annotations: Mapping[str, str]
    defaults: Mapping[str, str]
    problems: list[Problem] = field(default_factory=list)
    known: set[str] = field(default_factory=set)

    def read(self, name: str, parse: Callable[[str], T], default: T) -> T:
        self.known.add(name)
        found = self.annotations if name in self.annotations else self.defaults
        if name not in found:
            return default
        text = found[name]
        try:
            return parse(text.strip())
        except ValueError as reason:
            path = f"metadata.annotations{step(name)}"
            self.problems.append(error(self.pod, "bad-annotation", path, f"{reason}", text))
            return default


def _resources(reader: _Reader, defaults: Quantities) -> Quantities:
    """As Istio does: one annotation given, and nothing is left of the defaults."""
    given = {
        "requests": {
            "cpu": reader.read(SIDECAR + "proxyCPU", _quantity, ""),
            "memory": reader.read(SIDECAR + "proxyMemory", _quantity, ""),
        },
        "limits": {
            "cpu": reader.read(SIDECAR + "proxyCPULimit", _quantity, ""),
            "memory": reader.read(SIDECAR + "proxyMemoryLimit", _quantity, ""),
        },
    }
    set_ = {kind: {k: v for k, v in values.items() if v} for kind, values in given.items()}
    wanted = {kind: values for kind, values in set_.items() if values}
    return wanted or defaults


def _interception(reader: _Reader, config: ProxyConfig, settings: InjectSettings) -> Interception:
    dns = settings.dns_capture if config.dns_capture is None else config.dns_capture
    return Interception(
        dns=dns,
        include_inbound_ports=reader.read(INCLUDE_INBOUND, _ports_or_all, ALL),
        exclude_inbound_ports=reader.read(EXCLUDE_INBOUND, _ports, ()),
        include_outbound_ranges=reader.read(
            TRAFFIC + "includeOutboundIPRanges", _ranges_or_all, ALL
        ),
        exclude_outbound_ranges=reader.read(TRAFFIC + "excludeOutboundIPRanges", _ranges, ()),
        include_outbound_ports=reader.read(TRAFFIC + "includeOutboundPorts", _ports, ()),
        exclude_outbound_ports=reader.read(TRAFFIC + "excludeOutboundPorts", _ports, ()),
        exclude_interfaces=reader.read(TRAFFIC + "excludeInterfaces", _interfaces, ()),
    )


def _unused(
    pod: Key, annotations: Mapping[str, str], known: set[str], config: ProxyConfig
) -> list[Problem]:
    unknown = [
        warning(
            pod,
            "annotation-not-used",
            f"metadata.annotations{step(name)}",
            "Heddle does not use this annotation"
            + (did_you_mean(name, known) or "; remove it, or check its spelling."),
            annotations[name],
        )
        for name in sorted(annotations)
        if name.startswith(_PREFIXES) and name not in known and name not in _OTHERS
    ]
    if annotations.get(Annotation.INTERCEPTION_MODE, "").strip() == "TPROXY":
        unknown.append(
            warning(
                pod,
                "not-translated",
                f"metadata.annotations{step(Annotation.INTERCEPTION_MODE)}",
                "TPROXY is not supported, REDIRECT is used: applications see the sidecar's"
                " address instead of the caller's.",
                "TPROXY",
            )
        )
    unknown += [
        warning(
            pod,
            "not-translated",
            f"metadata.annotations{step(Annotation.PROXY_CONFIG)}.{name}",
            "Heddle does not use this field of ProxyConfig; remove it, or check its spelling.",
        )
        for name in config.unused
    ]
    return unknown


def _mode(text: str) -> Mode:
    if text == "TPROXY":
        return Mode.REDIRECT
    if text not in tuple(Mode):
        raise ValueError("Give REDIRECT or NONE.")
    return Mode(text)


def _role(text: str) -> Role:
    if text not in ("", "sidecar", GATEWAY_TEMPLATE):
        raise ValueError("Give sidecar or gateway.")
    return Role.ROUTER if text == GATEWAY_TEMPLATE else Role.SIDECAR


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError("Give true or false.")
    return text.lower() == "true"


def _image(text: str) -> str:
    if not _IMAGE.fullmatch(text):
        raise ValueError("Give the name of a container image.")
    return text


def _log_level(text: str) -> str:
    if text not in _LOG_LEVELS:
        raise ValueError(f"Give one of {', '.join(_LOG_LEVELS)}.")
    return text


def _component_levels(text: str) -> str:
    if any(not _COMPONENT_LEVELS.fullmatch(part) for part in text.split(",")):
        raise ValueError("Give a list such as upstream:debug,http:info.")
    return text


def _quantity(text: str) -> str:
    if not _QUANTITY.fullmatch(text):
        raise ValueError("Give a quantity such as 100m or 128Mi.")
    return text


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 7):
        raise ValueError("Give a whole number of at most six digits.")
    return int(text)


def _positive(text: str) -> int:
    if (number := _number(text)) == 0:
        raise ValueError("Give a number from 1 on.")
    return number


def _ports_or_all(text: str) -> tuple[str, ...]:
    return ALL if text == "*" else _ports(text)


def _ranges_or_all(text: str) -> tuple[str, ...]:
    return ALL if text == "*" else _ranges(text)


def _ports(text: str) -> tuple[str, ...]:
    ports = _items(text)
    if any(not (port.isascii() and port.isdigit() and len(port) < 6) for port in ports):
        raise ValueError("Give port numbers, separated by commas.")
    if any(not 0 < int(port) < 65536 for port in ports):
        raise ValueError("Give port numbers from 1 to 65535.")
    return tuple(dict.fromkeys(str(int(port)) for port in ports))


def _ranges(text: str) -> tuple[str, ...]:
    ranges = _items(text)
    if any("/" not in item or "%" in item for item in ranges):
        raise ValueError("Give ranges such as 10.0.0.0/8, separated by commas.")
    try:
        networks = [ipaddress.ip_network(item, strict=False) for item in ranges]
    except ValueError as reason:
        raise ValueError("Give ranges such as 10.0.0.0/8, separated by commas.") from reason
    return tuple(dict.fromkeys(str(network) for network in networks))


def _interfaces(text: str) -> tuple[str, ...]:
    names = _items(text)
    if any(not _INTERFACE.fullmatch(name) for name in names):
        raise ValueError("Give names of network interfaces, separated by commas.")
    return tuple(dict.fromkeys(names))


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",")] if text else []
