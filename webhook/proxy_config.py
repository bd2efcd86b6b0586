"""The annotation `proxy.istio.io/config`: the fields of ProxyConfig that stock Envoy can use."""

from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from crds.proxy_config import dns_capture, unused_metadata
from crds.scalars import duration

_MAX_CHARS = 16_384
_MAX_CONCURRENCY = 1024
_USED = frozenset(
    {
        "concurrency",
        "drainDuration",
        "holdApplicationUntilProxyStarts",
        "proxyMetadata",
        "terminationDrainDuration",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyConfig:
    """`None` where nothing is said; `unused` are the fields that have no effect, sorted.

    `holdApplicationUntilProxyStarts` is what a native sidecar does anyway.
    """

    concurrency: int | None = None
    drain_seconds: int | None = None
    termination_drain_seconds: int | None = None
    dns_capture: bool | None = None
    unused: tuple[str, ...] = ()


PROXY_CONFIG_DEFAULTS = ProxyConfig()


def proxy_config(text: str) -> ProxyConfig:
    """Reads the YAML text; raises `ValueError` with the way out."""
    raw = _load(text)
    metadata = _metadata(raw.get("proxyMetadata"))
    unused = (str(name) for name in raw if name not in _USED)
    variables = (f"proxyMetadata[{name}]" for name in unused_metadata(metadata))
    return ProxyConfig(
        concurrency=_concurrency(raw.get("concurrency")),
        drain_seconds=_seconds(raw, "drainDuration", least=1),
        termination_drain_seconds=_seconds(raw, "terminationDrainDuration", least=0),
        dns_capture=dns_capture(metadata),
        unused=tuple(sorted((*unused, *variables))),
    )


def _load(text: str) -> dict[object, object]:
    if len(text) > _MAX_CHARS:
        raise ValueError(f"Give at most {_MAX_CHARS} characters.")
    try:
        # The base loader makes strings only: no date or number that could fail to convert.
        raw = yaml.load(text, Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError) as reason:
        raise ValueError("Give ProxyConfig as YAML, such as {concurrency: 2}.") from reason
    if raw is None or raw == "":
        return {}
    if not isinstance(raw, dict):
        raise ValueError("Give ProxyConfig as YAML, such as {concurrency: 2}.")
    return raw


def _metadata(value: object) -> Mapping[str, str]:
    if value is None or value == "":
        return {}
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise ValueError('Give proxyMetadata as texts by names, such as {NAME: "text"}.')
    return {str(name): text for name, text in value.items()}


def _concurrency(value: object) -> int | None:
    if value is None:
        return None
    if not (isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 6):
        raise ValueError("Give concurrency as a whole number; 0 is one thread for each CPU.")
    if int(value) > _MAX_CONCURRENCY:
        raise ValueError(f"Give a concurrency of at most {_MAX_CONCURRENCY}.")
    return int(value)


def _seconds(raw: Mapping[object, object], name: str, *, least: int) -> int | None:
    value = raw.get(name)
    if value is None:
        return None
    found = duration(value) if isinstance(value, str) else None
    if found is None or not 0 <= found.seconds < 86_400 or (least and not found.seconds):
        raise ValueError(f"Give {name} as a duration such as 45s.")
    return max(least, round(found.seconds))
