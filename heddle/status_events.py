"""Kubernetes Events about what goes wrong with a mesh object: one when a condition turns bad.

The status says how it is; an Event tells who watches. They are no more than that: one that cannot
be posted is counted and let go.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from crds.meta import Key
from crds.times import micro_time_text
from heddle.conditions import TYPES, Reason, listed
from heddle.rate import Bucket
from heddle.status_board import Seen
from heddle.status_metrics import StatusMetrics
from sources.errors import ApiError
from sources.resource import EVENTS

log = structlog.get_logger(__name__)

CONTROLLER = "heddle"
NOTE_CHARS = 1024
"""Kubernetes takes no more."""
AGAIN_SECONDS = 600.0
"""The same is said of the same object once in so long."""
BURST, PER_SECOND = 25, 1.0
REMEMBERED = 4096
_QUIET = (Reason.PENDING, Reason.NOT_IN_USE)
"""What passes by itself, and what another condition says."""

Status = Mapping[str, object]
Create = Callable[[str, Mapping[str, object]], Awaitable[Mapping[str, object]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A condition that has become false, or is so for another reason."""

    condition: str
    reason: str
    message: str


def turns(old: Status, new: Status) -> Sequence[Turn]:
    """What has become worse from one status to the next."""
    before = {str(each.get("type")): each for each in listed(old)}
    return [
        Turn(condition=str(each["type"]), reason=str(each["reason"]), message=str(each["message"]))
        for each in listed(new)
        if each.get("type") in TYPES
        and each.get("status") == "False"
        and each.get("reason") not in _QUIET
        and not _is_old(each, before.get(str(each.get("type")), {}))
    ]


def _is_old(new: Status, old: Status) -> bool:
    return all(new.get(name) == old.get(name) for name in ("status", "reason"))


class StatusEvents:
    """Posts them."""

    def __init__(
        self,
        create: Create,
        *,
        instance: str,
        clock: Callable[[], float],
        wall: Callable[[], float],
        metrics: StatusMetrics,
    ) -> None:
        """`create` posts an object to an API server; `instance` is this replica's name; `clock`
        gives seconds that only grow, `wall` unix seconds.
        """
        self._create = create
        self._instance = instance
        self._clock = clock
        self._wall = wall
        self._metrics = metrics
        self._bucket = Bucket(burst=BURST, per_second=PER_SECOND, now=clock())
        self._told: dict[tuple[Key, str, str], float] = {}

    async def tell(self, key: Key, found: Seen, old: Status, new: Status) -> None:
        """Tells of what has become worse with an object."""
        for turn in turns(old, new):
            if self._may(key, turn):
                await self._post(key, found, turn)
            else:
                self._metrics.events.labels("held back").inc()

    def _may(self, key: Key, turn: Turn) -> bool:
        now, what = self._clock(), (key, turn.condition, turn.reason)
        if now < self._told.get(what, float("-inf")) + AGAIN_SECONDS or not self._bucket.take(now):
            return False
        self._told.pop(what, None)
        self._told[what] = now
        if len(self._told) > REMEMBERED:
            del self._told[next(iter(self._told))]
        return True

    async def _post(self, key: Key, found: Seen, turn: Turn) -> None:
        try:
            await self._create(EVENTS.collection(key.namespace), self._event(key, found, turn))
        except ApiError as error:
            self._metrics.events.labels("failed").inc()
            log.warning("event not posted", object=str(key), reason=str(error))
        else:
            self._metrics.events.labels("posted").inc()

    def _event(self, key: Key, found: Seen, turn: Turn) -> Mapping[str, object]:
        wall = self._wall()
        at = datetime.fromtimestamp(wall, UTC)
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {
                "namespace": key.namespace,
                "name": f"{key.name[:200]}.{int(wall * 1e9):x}",  # as client-go's recorder
            },
            "eventTime": micro_time_text(at),
            "reportingController": CONTROLLER,
            "reportingInstance": self._instance[:128],
            "type": "Warning",
            "reason": turn.reason,
            "action": turn.condition,
            "note": turn.message[:NOTE_CHARS],
            "regarding": {
                "apiVersion": found.api_version,
                "kind": key.kind,
                "namespace": key.namespace,
                "name": key.name,
                "uid": found.uid,
                "resourceVersion": found.resource_version,
            },
        }
