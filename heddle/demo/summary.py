"""A run in few words: the verdict of a bounded one as a view, and one moment as a line for where
there is no terminal.
"""

from statistics import median

from crds.problem import printable
from heddle.demo.latency import quantile
from heddle.demo.mesh_handle import ProxyState
from heddle.demo.report import Evidence, reasons
from heddle.demo.view import Edit, TesterRow, VersionRow, ViewState


def summary(evidence: Evidence, folder: str, generation: int) -> ViewState:
    """A bounded run as the live view would show it."""
    why, counts, testers = reasons(evidence), evidence.counts, evidence.testers
    return ViewState(
        mode=evidence.mode,
        mode_reason=evidence.mode_reason,
        folder=folder,
        generation=generation,
        versions=tuple(
            VersionRow(
                service=f"{split.service} {when}",
                version=share.version,
                configured=share.configured,
                observed=share.observed,
                requests=share.requests,
            )
            for split, when in zip(evidence.splits, ("before", "after"), strict=False)
            for share in split.shares
        ),
        testers=TesterRow(
            header=testers.header,
            version=testers.version,
            requests=testers.requests,
            matched=testers.matched,
        )
        if testers
        else None,
        requests=counts.requests,
        failed=counts.failed,
        codes=counts.codes,
        failures=tuple(sorted(counts.failures)),
        p50=quantile(counts.latency, 0.5),
        p99=quantile(counts.latency, 0.99),
        proxies=evidence.proxies,
        last_edit=Edit(file=f"{len(evidence.edits)} edits", milliseconds=median(evidence.edits))
        if evidence.edits
        else None,
        problems=evidence.problems,
        hint="Not ok: " + "; ".join(why) if why else "All as it should be.",
    )


def line(state: ViewState) -> str:
    """One moment: what was requested, the splits, how many proxies are in sync, what is wrong."""
    synced = sum(proxy.state is ProxyState.SYNCED for proxy in state.proxies)
    splits = [
        f"{row.service} {row.version} {row.observed:.1f} % of {row.configured:.1f} %"
        for row in state.versions
        if row.configured is not None
    ]
    parts = [
        f"{state.requests} requests, {state.failed} failed",
        *splits,
        f"{synced} of {len(state.proxies)} proxies synced",
        *(f"open {url}" for url in state.urls),
        *(str(problem) for problem in state.problems),
    ]
    return printable("; ".join(parts))
