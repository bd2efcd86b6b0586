"""What the analyzers say of a control plane's mesh objects, for their statuses.

What is wrong with an object in itself, and with what it refers to, is known at once: that is kept
with each edit. Analyzers look at everything, so they run beside it: on a thread, after a rest, in
a small part of the time, and only where statuses are written.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

import structlog

from analysis.analyzers import ANALYZERS
from analysis.engine import analyze
from analysis.facts import Facts
from analysis.message import Message
from analysis.suppression import unsuppressed
from crds.kinds import Object
from crds.meta import Key
from heddle.control_plane import ControlPlane
from heddle.edits import GROUPS, Edit
from mesh.mesh import Mesh
from xds.status import ClientStatus

log = structlog.get_logger(__name__)

REST_SECONDS = 5.0
"""At least so long between two looks."""
REST_TIMES = 20.0
"""And so many times as long as the last one took: at most a twentieth of a processor is used."""

ByObject = Mapping[Key, Sequence[Message]]


Look = Callable[[Mesh, Mapping[Key, Object], Collection[str]], Awaitable[ByObject]]


def findings(mesh: Mesh, objects: Mapping[Key, Object], unknown: Collection[str]) -> ByObject:
    """What analyzers say of each mesh object, where they say anything."""
    focus = [key for key in objects if key.group in GROUPS]
    facts = Facts(mesh=mesh, objects=objects, focus=focus, unknown=unknown)
    found: dict[Key, list[Message]] = {}
    for message in unsuppressed(analyze(facts, ANALYZERS), facts):
        if message.object is not None:
            found.setdefault(message.object, []).append(message)
    return found


async def aside(mesh: Mesh, objects: Mapping[Key, Object], unknown: Collection[str]) -> ByObject:
    """The same, on a thread."""
    return await asyncio.to_thread(findings, mesh, objects, unknown)


class Findings:
    """Keeps looking, and tells when it has looked. Belongs to one event loop."""

    def __init__(
        self,
        plane: ControlPlane,
        tell: Callable[[ByObject], None],
        clock: Callable[[], float],
        *,
        unknown: Collection[str] = (),
        look: Look = aside,
    ) -> None:
        """`unknown` are kinds of which the plane's source does not say all."""
        self._plane = plane
        self._found = look
        self._tell = tell
        self._clock = clock
        self._unknown = unknown
        self._stale = asyncio.Event()
        self._turn = asyncio.Lock()
        plane.listen(self)

    def edited(self, edit: Edit) -> None:
        """An edit was taken in."""
        del edit
        self._stale.set()

    def reselected(self, client: ClientStatus) -> None:
        """Of no concern."""

    async def keep(self) -> None:
        """Looks until cancelled. Who leads twice, the mesh and a revision, needs it once: the
        other one waits for its turn.
        """
        async with self._turn:
            self._stale.set()
            while True:
                await self._stale.wait()
                self._stale.clear()
                if self._plane.pods.synced:
                    took = await self._look()
                    await asyncio.sleep(max(REST_SECONDS, REST_TIMES * took))

    async def _look(self) -> float:
        """Looks at everything as it is now; the seconds that it took."""
        began = self._clock()
        try:
            found = await self._found(
                self._plane.engine.mesh, self._plane.everything(), self._unknown
            )
        except Exception:
            # An analyzer is at fault. Nobody's status, and no proxy, is to wait for its repair.
            log.exception("the analysis failed: statuses lack its findings")
            found = {}
        self._tell(found)
        return self._clock() - began
