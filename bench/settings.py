"""How large a benchmark is, from the environment: `BENCH_SERVICES`, `BENCH_CLIENTS` and so on."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The defaults are the shape that the targets speak of."""

    services: int = 1000
    clients: int = 1000
    endpoints: int = 10
    """Per service."""
    repeats: int = 5
    """Of each edit; the report has their median."""
    tls: bool = True
    """Also measure over TLS. The targets are about plaintext."""
    peers: bool = False
    """Also measure other control planes."""
    patience: float = 60.0
    """How long one step may take, in seconds."""


def settings_from(environment: Mapping[str, str]) -> Settings:
    """Settings from variables; what is not set keeps its default."""
    default = Settings()
    return Settings(
        services=_number(environment, "BENCH_SERVICES", default.services),
        clients=_number(environment, "BENCH_CLIENTS", default.clients),
        endpoints=_number(environment, "BENCH_ENDPOINTS", default.endpoints),
        repeats=_number(environment, "BENCH_REPEATS", default.repeats),
        tls=environment.get("BENCH_TLS", "1") != "0",
        peers=environment.get("BENCH_PEERS", "0") != "0",
    )


def _number(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name) or str(default)
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"{name} must be a positive number, not {text!r}")
    return int(text)
