"""The volumes of a pod: what is in them, as values. `folders` writes them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from heddle.local.environment import field_value
from heddle.local.errors import CannotRun
from heddle.local.pods import PodFacts
from webhook import raw

Content = TypeVar("Content", str, bytes)

_TTL = 3600
_SHORTEST_TTL = 600
REFRESH_AT = 0.8
"""The part of its life after which the kubelet replaces a token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenFile:
    """A projected service account token. `ttl` is in seconds."""

    path: str
    audience: str
    ttl: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """`texts` are files by path, and so are `secrets`. A `scratch` volume is an empty
    folder that containers write to."""

    name: str
    scratch: bool = False
    texts: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    tokens: tuple[TokenFile, ...] = ()


def volumes(
    pod: Mapping[str, object],
    facts: PodFacts,
    config_maps: Mapping[str, Mapping[str, str]],
    secrets: Mapping[str, Mapping[str, bytes]],
) -> Mapping[str, Volume]:
    """The pod's volumes by name; `config_maps` and `secrets` are those of its namespace. Raises
    `CannotRun` for a kind that is not available here."""
    found = (
        _volume(volume, facts, config_maps, secrets)
        for volume in raw.objects(raw.spec(pod).get("volumes"))
    )
    return {volume.name: volume for volume in found}


def refresh_after(volume: Volume) -> float | None:
    """After how many seconds the volume's tokens are due; None if it has none."""
    return min((token.ttl * REFRESH_AT for token in volume.tokens), default=None)


def _volume(
    volume: Mapping[str, object],
    facts: PodFacts,
    config_maps: Mapping[str, Mapping[str, str]],
    secrets: Mapping[str, Mapping[str, bytes]],
) -> Volume:
    name = raw.text(volume.get("name"))
    if "emptyDir" in volume:
        return Volume(name=name, scratch=True)
    sources = raw.objects(raw.mapping(volume.get("projected")).get("sources")) or (volume,)
    texts: dict[str, str] = {}
    hidden: dict[str, bytes] = {}
    tokens: list[TokenFile] = []
    for source in sources:
        if token := raw.mapping(source.get("serviceAccountToken")):
            tokens.append(_token(token))
        elif (found := _secret(source, secrets)) is not None:
            hidden |= found
        else:
            texts |= _texts(source, name, facts, config_maps)
    for path in (*texts, *hidden, *(token.path for token in tokens)):
        if not path or path.startswith(("/", "..")) or ".." in path.split("/"):
            raise CannotRun("bad-pod", "this is no path in a volume", path="items", value=path)
    return Volume(name=name, texts=texts, secrets=hidden, tokens=tuple(tokens))


def _token(token: Mapping[str, object]) -> TokenFile:
    seconds = token.get("expirationSeconds")
    ttl = seconds if isinstance(seconds, int) and seconds >= _SHORTEST_TTL else _TTL
    return TokenFile(
        path=raw.text(token.get("path")), audience=raw.text(token.get("audience")), ttl=float(ttl)
    )


def _secret(
    source: Mapping[str, object], secrets: Mapping[str, Mapping[str, bytes]]
) -> dict[str, bytes] | None:
    """The files of a Secret that is there."""
    wanted = raw.mapping(source.get("secret"))
    data = secrets.get(raw.text(wanted.get("secretName") or wanted.get("name")))
    return None if data is None else _items(wanted, data)


def _texts(
    source: Mapping[str, object],
    volume: str,
    facts: PodFacts,
    config_maps: Mapping[str, Mapping[str, str]],
) -> dict[str, str]:
    if "downwardAPI" in source:
        return dict(_fields(raw.mapping(source["downwardAPI"]), facts))
    wanted = raw.mapping(source.get("configMap", source.get("secret")))
    if "configMap" in source and (data := config_maps.get(raw.text(wanted.get("name")))):
        return _items(wanted, data)
    if wanted.get("optional") is True:
        return {}
    kind = next((key for key in source if key != "name"), "nothing")
    name = raw.text(wanted.get("name") or wanted.get("secretName")) or volume
    raise CannotRun(
        "not-available", f"the local runner has no such {kind}", path="spec.volumes", value=name
    )


def _fields(source: Mapping[str, object], facts: PodFacts) -> Iterator[tuple[str, str]]:
    for item in raw.objects(source.get("items")):
        path = raw.text(raw.mapping(item.get("fieldRef")).get("fieldPath"))
        yield raw.text(item.get("path")), field_value(path, facts)


def _items(wanted: Mapping[str, object], data: Mapping[str, Content]) -> dict[str, Content]:
    items = raw.objects(wanted.get("items"))
    if not items:
        return dict(data)
    chosen = {raw.text(item.get("path")): raw.text(item.get("key")) for item in items}
    return {path: data[key] for path, key in chosen.items() if key in data}
