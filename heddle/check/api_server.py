"""The API server itself: whether it answers, is new enough, and agrees on the time."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from heddle.check.cluster import Cluster, name_of
from heddle.check.verdict import (
    OK,
    Category,
    Check,
    Verdict,
    When,
    failed,
    fine,
    judged,
    skipped,
    warning,
)
from heddle.cluster_objects import Raw
from sources.resource import LEASES
from webhook import raw

OLDEST = (1, 30)
"""Native sidecars are on by default from 1.29 on; ValidatingAdmissionPolicy and the sleep of a
preStop hook are there from 1.30 on."""
SKEW = timedelta(seconds=10)
"""Certificates and tokens count from the second at which they are made."""
FAR = timedelta(minutes=1)
NODES = "kube-node-lease"
_NUMBER = re.compile(r"\d+")


async def _reachable(cluster: Cluster) -> Verdict:
    version, _ = await cluster.api.about()
    return fine(f"it is {raw.text(version.get('gitVersion'))}")


async def _recent(cluster: Cluster) -> Verdict:
    version, _ = await cluster.api.about()
    return judge_version(version)


def judge_version(version: Raw) -> Verdict:
    """By what `/version` says; vendors add to the numbers (`30+`)."""
    said = raw.text(version.get("major")), raw.text(version.get("minor"))
    digits = [_NUMBER.match(each) for each in said]
    if digits[0] is None or digits[1] is None:
        return skipped(f"it does not say its version ({'.'.join(said)!r})")
    found = int(digits[0][0]), int(digits[1][0])
    if found < OLDEST:
        return failed(f"it is {found[0]}.{found[1]}, and {OLDEST[0]}.{OLDEST[1]} is the oldest")
    return OK


async def _clock(cluster: Cluster) -> Verdict:
    asked = cluster.clock()
    _, date = await cluster.api.about()
    return judge_clock(asked, cluster.clock(), date)


def judge_clock(asked: datetime, answered: datetime, date: str) -> Verdict:
    """Our clock when the question was sent and when the answer came, and the answer's `Date`, which
    has no fractions.
    """
    try:
        theirs = parsedate_to_datetime(date).astimezone(UTC)
    except (TypeError, ValueError):
        return skipped("its answer has no date")
    behind, ahead = theirs - answered, asked - (theirs + timedelta(seconds=1))
    off = max(behind, ahead)
    if off <= SKEW:
        return OK
    way = "behind" if behind > ahead else "ahead of"
    told = f"this machine's clock is {off.total_seconds():.0f} s {way} the API server's"
    return failed(told) if off > FAR else warning(told)


async def _node_clocks(cluster: Cluster) -> Verdict:
    leases = await cluster.every(LEASES, NODES)
    if not leases:
        return skipped("no node has a Lease")
    return judge_node_clocks({name_of(each): each for each in leases})


def judge_node_clocks(leases: dict[str, Raw]) -> Verdict:
    """A Lease has the time of its node, and beside it the time at which the API server took it."""
    near, far = list[str](), list[str]()
    for name, lease in sorted(leases.items()):
        off = _off(lease)
        if off is None or abs(off) <= SKEW:
            continue
        way = "ahead of" if off > timedelta() else "behind"
        told = (
            f"the clock of node {name} is {abs(off).total_seconds():.0f} s {way} the API server's"
        )
        (far if abs(off) > FAR else near).append(told)
    return judged(far, near)


def _off(lease: Raw) -> timedelta | None:
    """How far the holder's clock is ahead; nothing if the last write was none of its renewals."""
    renewed = instant(raw.spec(lease).get("renewTime"))
    for entry in raw.objects(raw.metadata(lease).get("managedFields")):
        spec = raw.mapping(raw.mapping(entry.get("fieldsV1")).get("f:spec"))
        taken = instant(entry.get("time"))
        if "f:renewTime" in spec and renewed is not None and taken is not None:
            return renewed - taken
    return None


def instant(value: object) -> datetime | None:
    """A time of Kubernetes."""
    try:
        return datetime.fromisoformat(raw.text(value)).astimezone(UTC)
    except ValueError:
        return None


CATEGORY = Category(
    name="kubernetes-api",
    title="The API server",
    checks=(
        Check(
            anchor="api-reachable",
            title="the API server answers",
            remedy="Look at the kubeconfig (--kubeconfig, KUBECONFIG): is it the right cluster, "
            "and are its credentials still good? `kubectl version` asks the same.",
            judge=_reachable,
            when=When.ALWAYS,
            fatal=True,
        ),
        Check(
            anchor="api-version",
            title=f"Kubernetes is {OLDEST[0]}.{OLDEST[1]} or newer",
            remedy="Upgrade the cluster: older ones lack native sidecars that are on by default.",
            judge=_recent,
            when=When.ALWAYS,
        ),
        Check(
            anchor="clock-skew",
            title="this machine and the API server agree on the time",
            remedy="Let both follow NTP (chrony, systemd-timesyncd). A certificate that is made by "
            "a clock that is ahead does not count yet for all others.",
            judge=_clock,
            when=When.ALWAYS,
        ),
        Check(
            anchor="node-clock-skew",
            title="the nodes and the API server agree on the time",
            remedy="Let the nodes follow NTP: their proxies judge certificates and tokens by their "
            "clocks.",
            judge=_node_clocks,
            when=When.ALWAYS,
        ),
    ),
)
