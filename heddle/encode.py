"""Envoy messages as the resources that xds/ serves: bytes and version, made once."""

from collections.abc import Iterable, Mapping

from google.protobuf.message import Message

from translator.config import Config
from xds.resource import Resource, resource
from xds.types import CDS, EDS, LDS, RDS, SDS, VHDS

Encoded = Mapping[str, Mapping[str, Resource]]
"""Resources by type URL and name."""


def encode(config: Config) -> Encoded:
    """The resources of a configuration."""
    return {
        CDS: _named(CDS, ((m.name, m) for m in config.clusters)),
        EDS: _named(EDS, ((m.cluster_name, m) for m in config.endpoints)),
        LDS: _named(LDS, ((m.name, m) for m in config.listeners)),
        RDS: _named(RDS, ((m.name, m) for m in config.routes)),
        VHDS: _named(VHDS, ((m.name, m) for m in config.virtual_hosts)),
        SDS: _named(SDS, ((m.name, m) for m in config.secrets)),
    }


def _named(type_url: str, messages: Iterable[tuple[str, Message]]) -> dict[str, Resource]:
    return {name: resource(type_url, name, message) for name, message in messages}
