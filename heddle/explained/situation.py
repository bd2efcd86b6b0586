"""The mesh that is asked about, and how users name what is in it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from crds.meta import Key, Origin
from crds.problem import Problem
from heddle.proxies.listing import proxies
from heddle.proxies.targets import Candidate, pick, target
from mesh.mesh import Mesh
from mesh.proxy import Proxy
from mesh.source import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """A mesh, its proxies, and where its objects are written."""

    mesh: Mesh
    proxies: Sequence[Proxy]
    origin: Callable[[Key], Origin | None]

    def proxy(self, text: str) -> Proxy:
        """The proxy that `[kind/]name[.namespace]` names. Raises `ValueError`, which says what
        there is.
        """
        listed = [
            Candidate(name=each.name, namespace=each.namespace, owners=each.owners)
            for each in proxies(self.mesh)
        ]
        try:
            found = pick(target(text), listed)
        except LookupError as error:
            raise ValueError(str(error)) from None
        meant = (found.namespace, found.name)
        for each in self.proxies:
            if (each.namespace, each.name) == meant:
                return each
        raise ValueError(f"{text}: its proxy is not known yet")

    def causes(self, sources: Iterable[Source]) -> list[Mapping[str, object]]:
        """Objects, with the file and line of the part that counts, as plain values."""
        return [
            {"object": str(each.object), "path": each.path, **self._place(each.object, each.path)}
            for each in sources
        ]

    def problems(self, found: Iterable[Problem]) -> list[Mapping[str, object]]:
        """Problems, with the file and line of the field, as plain values."""
        return [
            {
                "code": each.code,
                "severity": each.severity.value,
                "object": str(each.object) if each.object else "",
                "path": each.path,
                "value": each.value,
                "message": each.message,
                **(self._place(each.object, each.path) if each.object else {}),
            }
            for each in found
        ]

    def _place(self, key: Key, path: str) -> Mapping[str, object]:
        origin = self.origin(key)
        place = origin.of(path) if origin is not None else None
        return {"file": place.file, "line": place.line} if place is not None else {}
