"""What an object turned into: the resources that it had a part in, and the proxies that hold them.

Which those are is read off the resources' names (`heddle.blame`) for each part that a connected
proxy holds: parts are shared, so this costs as much for a thousand proxies as for ten.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from crds.meta import Key
from heddle.blame import made_from
from heddle.identity import Held
from heddle.page.config import Fragment
from heddle.page.envoy_text import envoy_text
from mesh.mesh import Mesh
from mesh.proxy import Proxy
from xds.publisher import PartKey, Publisher
from xds.types import CDS, EDS, LDS, RDS, VHDS, short_name

MOST = 40
"""So many resources are shown, the first by type and name."""
NAMED = 12
"""So many of the proxies that hold one are named."""
_SHOWN = (VHDS, RDS, CDS, LDS, EDS)
"""The types in the order of interest. Never secrets."""


def fragments(
    key: Key, mesh: Mesh, publisher: Publisher, held: Iterable[tuple[Held, Proxy]]
) -> tuple[Sequence[Fragment], int]:
    """The resources that `key` had a part in, and how many more there are. `held` are the connected
    pods with their proxies.
    """
    users = _users(held)
    found = sorted(
        {
            (_SHOWN.index(type_url), name, part): (type_url, part)
            for part, (proxy, _) in users.items()
            for type_url, name in _made(key, mesh, publisher, part, proxy)
        }.items(),
        key=lambda pair: pair[0][:2],
    )
    listed = [
        _fragment(publisher, type_url, name, part, users[part][1])
        for (_, name, _), (type_url, part) in found[:MOST]
    ]
    return listed, max(0, len(found) - MOST)


def _users(held: Iterable[tuple[Held, Proxy]]) -> Mapping[PartKey, tuple[Proxy, list[str]]]:
    """The parts in use, each with one of the proxies that hold it and the names of them all."""
    users: dict[PartKey, tuple[Proxy, list[str]]] = {}
    for each, proxy in held:
        for part in each.parts:
            _, names = users.setdefault(part, (proxy, []))
            names.append(f"{proxy.name}.{proxy.namespace}")
    return users


def _made(
    key: Key, mesh: Mesh, publisher: Publisher, part: PartKey, proxy: Proxy
) -> Iterator[tuple[str, str]]:
    if not publisher.exists(part):
        return
    for type_url in _SHOWN:
        for name in publisher.resources(part, type_url):
            if key in made_from(mesh, proxy, type_url, name):
                yield type_url, name


def _fragment(
    publisher: Publisher, type_url: str, name: str, part: PartKey, users: list[str]
) -> Fragment:
    resource = publisher.resources(part, type_url)[name]
    return Fragment(
        type=short_name(type_url).upper(),
        name=name,
        version=resource.version,
        proxies=sorted(users)[:NAMED],
        count=len(users),
        text=envoy_text(type_url, resource.message_bytes),
    )
