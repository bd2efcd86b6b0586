"""What the replicas of a control plane say about a rotation, and whom a step waits for by that.

Where it is said is elsewhere: `report_files` for a folder, `report_lease` for a cluster. What a
replica has said that is dead does not count, but the pods that it had are waited for until another
replica has taken note of them. Values in, values out.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from ca.errors import AuthorityError


class Lack(StrEnum):
    """Why a proxy is waited for."""

    UNTAKEN = "has not acknowledged it"
    AWAY = "is not connected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """The newest certificate of a client that keeps its own key: the name of the rotation's state
    that it was signed in, when, and until when it is good. It acknowledges nothing, but with its
    next certificate it gets the roots of that time.
    """

    state: str
    at: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one replica says. `state` is the name of the rotation's state that it serves, empty if
    it serves nothing yet; pods are namespace/name. `taken` are those that have acknowledged it,
    `lacking` those that have not; `issued` those that keep their own keys. `roots` is the name of
    the state whose roots are in all ConfigMaps, if it is this replica that writes them.
    """

    replica: str
    state: str = ""
    taken: tuple[str, ...] = ()
    lacking: Mapping[str, Lack] = field(default_factory=dict)
    problem: str = ""
    issued: Mapping[str, Issued] = field(default_factory=dict)
    roots: str = ""

    @property
    def pods(self) -> frozenset[str]:
        """All that hold certificates over their streams, as far as this replica knows."""
        return frozenset((*self.taken, *self.lacking))


def report_text(report: Report) -> str:
    """What `report_from` reads."""
    return json.dumps(asdict(report), default=_plain, separators=(",", ":"))


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(value)


def report_from(text: str | bytes, replica: str) -> Report:
    """What a replica has said; raises `AuthorityError` if it is not what `report_text` makes."""
    try:
        found = json.loads(text)
        return Report(
            replica=replica,
            state=str(found["state"]),
            taken=tuple(map(str, found["taken"])),
            lacking={str(pod): Lack(why) for pod, why in found["lacking"].items()},
            problem=str(found["problem"]),
            issued={str(pod): _issued(each) for pod, each in found.get("issued", {}).items()},
            roots=str(found.get("roots", "")),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise AuthorityError("this is no report of a replica") from None


def _issued(found: Mapping[str, str]) -> Issued:
    at, until = (datetime.fromisoformat(found[name]).astimezone(UTC) for name in ("at", "until"))
    return Issued(state=str(found["state"]), at=at, until=until)


def silent(replica: str) -> Report:
    """Of one that has said nothing that can be read: it is waited for."""
    return Report(replica=replica, problem="it has not said anything yet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What replicas say that live, and what the others have left, each by name. `with_roots`: one
    of them writes the roots where pods read them from files, and a step waits for that.
    """

    living: Sequence[Report] = ()
    dead: Sequence[Report] = ()
    with_roots: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Who does not have a state yet, and why: replicas that do not serve it, and pods; `roots` is
    why its roots are not in all files, empty if they are.
    """

    replicas: Mapping[str, str]
    pods: Mapping[str, str]
    roots: str = ""


def waiting(said: Said, state: str, now: datetime) -> Waiting:
    """Who is waited for before the step after `state`.

    A pod that one replica misses may be connected to another; one that has two streams has to
    acknowledge on both. Who keeps its own key is waited for until it has asked again, in this
    state, or its certificate has ended.
    """
    taken = {pod for report in said.living for pod in report.taken}
    left = {pod: Lack.AWAY for report in said.dead for pod in report.pods}
    written = not said.with_roots or any(report.roots == state for report in said.living)
    missed = [left, *(report.lacking for report in said.living)]
    return Waiting(
        replicas={
            report.replica: report.problem or "does not serve it yet"
            for report in said.living
            if report.state != state
        },
        pods={
            **{
                pod: f"keeps its own key, with a certificate of before until {each.until:{_TIME}}"
                for pod, each in sorted(newest((*said.living, *said.dead)).items())
                if each.state != state and now < each.until
            },
            **{
                pod: str(why)
                for each in missed
                for pod, why in sorted(each.items())
                if why is Lack.UNTAKEN or pod not in taken
            },
        },
        roots="" if written else _UNWRITTEN,
    )


def newest(reports: Iterable[Report]) -> Mapping[str, Issued]:
    """The last certificate of each pod that keeps its own key, whichever replica has signed it."""
    found: dict[str, Issued] = {}
    for pod, issued in (item for report in reports for item in report.issued.items()):
        if pod not in found or found[pod].at < issued.at:
            found[pod] = issued
    return found


_NO_NAME = re.compile(r"[^a-z0-9.-]")


def replica_name(host: str, process: int) -> str:
    """A name for a process on `host` that no other replica has at the same time: one that may be
    part of an object's."""
    return _NO_NAME.sub("-", f"{host}-{process}".lower()).strip("-.")


_UNWRITTEN = (
    "its roots are not in the ConfigMaps of all namespaces yet (the log of the replica that leads "
    "says why)"
)
_TIME = "%Y-%m-%d %H:%M:%S UTC"
