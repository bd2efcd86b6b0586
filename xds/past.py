"""What virtual hosts were before they last changed. A client that rejects a change still runs that,
and which domains those are decides on what it accepts next (X-129).
"""

from collections import OrderedDict

from envoy.config.route.v3 import route_components_pb2

from xds.resource import Resource

_EACH = 32
"""Earlier contents of one name that are kept."""


class Past:
    """Replaced and removed virtual hosts by name, the last ones of each, bounded in bytes.

    They are parsed only when somebody asks, which is after a rejection.
    """

    def __init__(self, *, max_bytes: int = 8 << 20) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._held: OrderedDict[str, list[tuple[Resource, int]]] = OrderedDict()

    def note(self, old: Resource, generation: int) -> None:
        """From this generation on the name stands for something else, or nothing."""
        held = self._held.setdefault(old.name, [])
        self._held.move_to_end(old.name)
        if held and held[-1] == (old, generation):  # in many parts at once
            return
        held.append((old, generation))
        self._bytes += len(old.framed)
        if len(held) > _EACH:
            self._bytes -= len(held.pop(0)[0].framed)
        while self._bytes > self._max_bytes:
            _, oldest = self._held.popitem(last=False)
            self._bytes -= sum(len(each.framed) for each, _ in oldest)

    def domains(self, name: str, *, after: int) -> frozenset[str]:
        """The domains that a client may hold under `name` that has accepted what there was up to
        the generation `after`, besides those of the present content.
        """
        return frozenset(
            domain
            for each, generation in self._held.get(name, ())
            if generation > after
            for domain in route_components_pb2.VirtualHost.FromString(each.message_bytes).domains
        )
