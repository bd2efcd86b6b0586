"""Envoy messages as the resources that xds/ serves: bytes and version, made once."""

from collections.abc import Iterable, Mapping

from google.protobuf.message import Message

from heddle.stamps import NO_STAMPS, Stamps
from translator.config import Config
from xds.resource import Resource, content_version, resource
from xds.types import CDS, EDS, LDS, RDS, SDS, VHDS

Encoded = Mapping[str, Mapping[str, Resource]]
"""Resources by type URL and name."""


def encode(config: Config, stamps: Stamps = NO_STAMPS) -> Encoded:
    """The resources of a configuration; `stamps` say in them where their objects are written."""
    return {
        CDS: _named(CDS, ((m.name, m) for m in config.clusters), stamps),
        EDS: _named(EDS, ((m.cluster_name, m) for m in config.endpoints), stamps),
        LDS: _named(LDS, ((m.name, m) for m in config.listeners), stamps),
        RDS: _named(RDS, ((m.name, m) for m in config.routes), stamps),
        VHDS: _named(VHDS, ((m.name, m) for m in config.virtual_hosts), stamps),
        SDS: _named(SDS, ((m.name, m) for m in config.secrets), stamps),
    }


def _named(
    type_url: str, messages: Iterable[tuple[str, Message]], stamps: Stamps
) -> dict[str, Resource]:
    return {name: stamped(type_url, name, message, stamps) for name, message in messages}


def stamped(type_url: str, name: str, message: Message, stamps: Stamps) -> Resource:
    """One resource. Its version is the hash of what the stamps are put into."""
    if stamps is NO_STAMPS or type_url not in _TELLING:
        return resource(type_url, name, message)
    body = message.SerializeToString(deterministic=True)
    told = type(message).FromString(body)
    stamps.put(told)
    return resource(type_url, name, told, version=content_version(body))


_TELLING = (CDS, LDS, RDS, VHDS)
"""What has metadata."""
