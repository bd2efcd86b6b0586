"""Timeouts that are over before the retries of the rule are."""

from collections.abc import Iterator

from analysis import analyzer_codes as codes
from analysis.analyzer import Analyzer
from analysis.facts import Facts
from analysis.message import Message, finding
from analysis.severity import Severity
from crds.scalars import Duration
from crds.virtual_service import HTTPRoute, VirtualService


def _run(facts: Facts) -> Iterator[Message]:
    for key, item in facts.subjects(VirtualService):
        for index, rule in enumerate(item.http):
            needed = _needed(rule)
            if needed is None or rule.timeout is None:
                continue
            once, all_ = needed
            never = rule.timeout <= once
            if never or rule.timeout < all_:
                text = "before the first try is, so no slow try is ever repeated"
                yield finding(
                    codes.TIMEOUT_BEFORE_RETRIES,
                    key,
                    f"spec.http[{index}].timeout",
                    f"is over {text if never else 'before the last retry is'}: a try may take "
                    f"{once}, and all retries {all_}",
                    value=str(rule.timeout),
                    remedy=f"Set timeout to more than {all_}, or perTryTimeout to less.",
                    severity=Severity.WARNING if never else Severity.INFO,
                )


def _needed(rule: HTTPRoute) -> tuple[Duration, Duration] | None:
    """How long one try, and how long all retries may take."""
    retries = rule.retries
    if retries is None or not retries.per_try_timeout or not retries.attempts:
        return None
    once = retries.per_try_timeout
    return once, Duration(once.nanos * retries.attempts)


TIMEOUTS = Analyzer(
    name="timeouts",
    summary="Timeouts of HTTP rules that are shorter than their retries.",
    codes=(codes.TIMEOUT_BEFORE_RETRIES,),
    run=_run,
)
