"""Is the observed split what the weights say? A test that a right mesh fails by chance less than
once in 10^6 runs.

Envoy draws the version of each request independently by its weight, so the requests to one version
are binomial. The test is exact (no approximation that is wrong for small weights) and two-sided:
twice the smaller tail. Several versions, or several splits in one run, share the alpha equally
(Bonferroni), so the bound holds for the run as a whole.

At 2,000 requests and a weight of 10 %, with four shares in the run, it accepts 134 to 272 of them:
a split of 80/20 (400 of them) has a p-value of 2e-40.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, lgamma, log, log1p

ALPHA = 1e-6
"""The chance that a run of a right mesh fails."""

NAME = "two-sided exact binomial, alpha 1e-6"
"""The test's name, as the demo prints it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionShare:
    """One version's part of a service's requests; `configured` and `observed` are in percent."""

    version: str
    configured: float
    observed: float
    requests: int
    p_value: float


def shares(observed: Mapping[str, int], weights: Mapping[str, float]) -> tuple[VersionShare, ...]:
    """Every version that has a weight or requests, by name."""
    requests = sum(observed.values())
    weight = sum(weights.values())
    return tuple(
        _share(
            version,
            requests=observed.get(version, 0),
            of=requests,
            weight=weights.get(version, 0) / weight if weight else 0.0,
        )
        for version in sorted({*observed, *weights})
    )


def is_off(share: VersionShare, *, comparisons: int) -> bool:
    """Whether a share is further off than chance allows, with `comparisons` shares in the run."""
    return share.p_value < ALPHA / max(1, comparisons)


def p_value(successes: int, trials: int, probability: float) -> float:
    """The chance of a result at least as far out as `successes` of `trials`, on the side it is on,
    twice.
    """
    if probability <= 0:
        return 1.0 if successes == 0 else 0.0
    if probability >= 1:
        return 1.0 if successes == trials else 0.0
    if successes > trials * probability:
        # The upper tail is the lower tail of the failures.
        successes, probability = trials - successes, 1 - probability
    return min(1.0, 2 * _lower_tail(successes, trials, probability))


def _share(version: str, *, requests: int, of: int, weight: float) -> VersionShare:
    return VersionShare(
        version=version,
        configured=round(100 * weight, 2),
        observed=round(100 * requests / of, 2) if of else 0.0,
        requests=requests,
        p_value=p_value(requests, of, weight),
    )


def _lower_tail(successes: int, trials: int, probability: float) -> float:
    """P(X <= successes), for successes at or below the mean: there the terms only fall on the way
    down.
    """
    term = exp(
        lgamma(trials + 1)
        - lgamma(successes + 1)
        - lgamma(trials - successes + 1)
        + successes * log(probability)
        + (trials - successes) * log1p(-probability)
    )
    odds = (1 - probability) / probability
    tail = 0.0
    for count in range(successes, -1, -1):
        tail += term
        term *= odds * count / (trials - count + 1)
        if term < tail * 1e-17:
            break
    return tail
