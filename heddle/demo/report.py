"""The verdict of `heddle demo --once`: what was measured, as one JSON object, and whether it is as
it should be.

It is not ok when a request failed, when a split is further off than chance allows (statistics.py),
when a tester got another version than the testers' rule says, when an edit was not acknowledged, or
when a proxy is not in sync at the end. How long an edit took is told and not judged: that is the
machine's business too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median

from crds.problem import Problem
from heddle.demo import statistics
from heddle.demo.latency import quantile
from heddle.demo.load_report import Counts
from heddle.demo.mesh_handle import ProxyState, ProxyStatus
from heddle.demo.statistics import VersionShare, shares


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The requests of one phase to each version of a service, and the weights that held then."""

    service: str
    weights: Mapping[str, float]
    observed: Mapping[str, int]

    @property
    def shares(self) -> tuple[VersionShare, ...]:
        """The versions, with what was expected of each."""
        return shares(self.observed, self.weights)


@dataclass(frozen=True, slots=True, kw_only=True)
class TesterCount:
    """What the requests with the testers' header got; `version` is what they should get."""

    header: str
    version: str
    observed: Mapping[str, int]

    @property
    def requests(self) -> int:
        """How many there were."""
        return sum(self.observed.values())

    @property
    def matched(self) -> int:
        """How many got the right version."""
        return self.observed.get(self.version, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything that a run has measured. `splits` are those before and after the edits, `edits`
    are in milliseconds.

    `counts` is all the load but for `warm_up`, which may meet pods that are still starting.
    `trouble` is what kept the run from measuring more.
    """

    mode: str
    mode_reason: str
    counts: Counts = field(default_factory=Counts)
    warm_up: Counts = field(default_factory=Counts)
    splits: tuple[Split, ...] = ()
    testers: TesterCount | None = None
    edits: tuple[float, ...] = ()
    proxies: tuple[ProxyStatus, ...] = ()
    problems: tuple[Problem, ...] = ()
    trouble: tuple[str, ...] = ()


def reasons(evidence: Evidence) -> tuple[str, ...]:
    """Why the run is not ok; nothing if it is."""
    return (
        *evidence.trouble,
        *_failures(evidence.counts),
        *_splits_off(evidence.splits),
        *_testers_off(evidence.testers),
        *_proxies_off(evidence.proxies),
    )


def report(evidence: Evidence) -> dict[str, object]:
    """The JSON object. Shares are in percent, times in milliseconds."""
    why = reasons(evidence)
    counts = evidence.counts
    before, after = evidence.splits[:1], evidence.splits[1:]
    return {
        "ok": not why,
        "reasons": list(why),
        "mode": evidence.mode,
        "mode_reason": evidence.mode_reason,
        "requests": counts.requests,
        "failed": counts.failed,
        "codes": dict(sorted(counts.codes.items())),
        "reconnects": counts.reconnects,
        "warm_up": {"requests": evidence.warm_up.requests, "failed": evidence.warm_up.failed},
        "test": statistics.NAME,
        "split": {split.service: _split(split) for split in before},
        "split_after_edits": {split.service: _split(split) for split in after},
        "testers": _testers(evidence.testers),
        "edit_to_ack_ms": round(median(evidence.edits), 1) if evidence.edits else None,
        "edits_ms": [round(edit, 1) for edit in evidence.edits],
        "latency_ms": {
            "p50": quantile(counts.latency, 0.5),
            "p99": quantile(counts.latency, 0.99),
        },
        "proxies": [_proxy(proxy) for proxy in evidence.proxies],
        "problems": [str(problem) for problem in evidence.problems],
    }


def _failures(counts: Counts) -> Iterator[str]:
    if counts.failed:
        worst = max(counts.failures, key=lambda why: counts.failures[why], default="unknown")
        yield f"{counts.failed} of {counts.requests} requests failed, most often with {worst!r}"


def _splits_off(splits: tuple[Split, ...]) -> Iterator[str]:
    comparisons = sum(len(split.shares) for split in splits)
    for split in splits:
        for share in split.shares:
            if statistics.is_off(share, comparisons=comparisons):
                yield (
                    f"{split.service} {share.version} got {share.observed} % of the requests and "
                    f"should get {share.configured} % (p-value {share.p_value:.1e})"
                )


def _testers_off(testers: TesterCount | None) -> Iterator[str]:
    if testers is not None and testers.matched < testers.requests:
        yield (
            f"{testers.requests - testers.matched} of {testers.requests} requests with "
            f"`{testers.header}` did not get {testers.version}"
        )


def _proxies_off(proxies: tuple[ProxyStatus, ...]) -> Iterator[str]:
    for proxy in proxies:
        if proxy.state is not ProxyState.SYNCED:
            said = f": {proxy.detail}" if proxy.detail else ""
            yield f"the proxy of {proxy.pod} is {proxy.state}{said}"


def _split(split: Split) -> dict[str, object]:
    return {
        share.version: {
            "configured": share.configured,
            "observed": share.observed,
            "requests": share.requests,
            "p_value": share.p_value,
        }
        for share in split.shares
    }


def _testers(testers: TesterCount | None) -> dict[str, object] | None:
    if testers is None:
        return None
    return {
        "header": testers.header,
        "version": testers.version,
        "requests": testers.requests,
        "matched": testers.matched,
    }


def _proxy(proxy: ProxyStatus) -> dict[str, object]:
    return {
        "pod": proxy.pod,
        "mode": proxy.mode,
        "state": str(proxy.state),
        "acknowledged": proxy.acknowledged,
        "detail": proxy.detail,
    }
