"""What a replica says about a rotation as a Lease of Kubernetes: one for each replica.

A Lease is renewed every few seconds, so its age tells who may have died. It does not tell who has:
that a replica cannot reach the API server says nothing of its proxies. So of one that runs in a pod
the pod decides. What is said goes into an annotation, packed: an API server takes 256 KiB of them.
"""

import gzip
import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ca.errors import AuthorityError
from ca.reports import Report, report_from, report_text, silent
from crds.times import micro_time, micro_time_text

REPORT = "heddle.io/report"
POD = "heddle.io/pod"
"""Annotations."""
LABEL = "heddle.io/replica"
SELECTOR = f"{LABEL}=true"
BEAT = timedelta(seconds=10)
"""How often a Lease is renewed if nothing is new."""
LASTS = timedelta(seconds=40)
"""After so long without it, a replica may have died."""
MAX_PACKED_BYTES = 250_000
MAX_TEXT_BYTES = 16 << 20
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

Raw = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A report, who of the API server's pods has made it (empty: none), and since when nothing was
    heard of it.
    """

    report: Report
    pod: str
    lease: str
    since: datetime

    def is_late(self, now: datetime) -> bool:
        """Whether its replica may have died."""
        return now > self.since + LASTS


def lease_name(replica: str) -> str:
    """Of the Lease of a replica."""
    return f"heddle-replica-{replica}"


def lease(namespace: str, report: Report, pod: str, now: datetime) -> Raw:
    """To be applied."""
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {
            "name": lease_name(report.replica),
            "namespace": namespace,
            "labels": {LABEL: "true"},
            "annotations": {REPORT: packed(report), POD: pod},
        },
        "spec": {
            "holderIdentity": report.replica,
            "leaseDurationSeconds": int(LASTS.total_seconds()),
            "renewTime": micro_time_text(now),
        },
    }


def packed(report: Report) -> str:
    """As an annotation; what is too long says so, and a rotation waits."""
    text = b64encode(gzip.compress(report_text(report).encode(), mtime=0))
    if len(text) > MAX_PACKED_BYTES:
        said = Report(replica=report.replica, problem="it has more proxies than it can report of")
        return packed(said)
    return text.decode()


def heard(found: Raw) -> Heard | None:
    """What a Lease says; None for one that is no replica's. One that cannot be read says nothing:
    its replica is waited for.
    """
    meta, spec = _mapping(found.get("metadata")), _mapping(found.get("spec"))
    replica = spec.get("holderIdentity")
    name = meta.get("name")
    if not isinstance(replica, str) or name != lease_name(replica):
        return None
    annotations = _mapping(meta.get("annotations"))
    pod = annotations.get(POD)
    return Heard(
        report=_report(annotations.get(REPORT), replica),
        pod=pod if isinstance(pod, str) else "",
        lease=name,
        since=micro_time(spec.get("renewTime")) or _LONG_AGO,
    )


def _report(text: object, replica: str) -> Report:
    if not isinstance(text, str):
        return silent(replica)
    try:
        inflated = zlib.decompressobj(wbits=31).decompress(b64decode(text), MAX_TEXT_BYTES)
        return report_from(inflated, replica)
    except (ValueError, zlib.error, AuthorityError):
        return silent(replica)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
