"""What a client that comes back still needs, by what it says that it holds (X-60)."""

from collections.abc import Mapping

from xds.exchange import Exchange
from xds.interest import NO_NAMES
from xds.types import CDS, EDS


def owe_difference(
    exchange: Exchange,
    asked: frozenset[str],
    held: Mapping[str, str],
    *,
    warming: bool,
    followed: frozenset[str],
) -> frozenset[str]:
    """Owe the client what differs from what it holds; the names that it should not hold.

    `followed` are the endpoints of clusters that were sent on this stream (X-61). `warming`: the
    client asked for endpoints first.
    """
    missing = exchange.missing(asked)
    if exchange.type_url != EDS:
        exchange.owe(missing | asked.difference(held))
    elif warming:
        # It is warming their clusters. It waits for each answer, even where it holds
        # endpoints for the cluster's last version.
        exchange.owe(asked)
    else:
        # a cluster that was sent on this stream waits for its endpoints, equal or not.
        exchange.owe(missing | (followed & asked))
    differing = [n for t in exchange.tracks for n in t.differing(held, exchange.interest)]
    exchange.again = exchange.again.union(differing)
    return frozenset(n for n in held if n not in asked and not exchange.holds(n)) or NO_NAMES


def orphans(exchanges: Mapping[str, Exchange]) -> frozenset[str]:
    """Clusters that the client did not list but asks endpoints for, and should not hold.

    Envoy does not list the clusters of a response that it rejected in part, but runs them (X-103).
    """
    clusters, endpoints = exchanges.get(CDS), exchanges.get(EDS)
    if clusters and endpoints and clusters.subscription.wildcard:
        return clusters.missing(endpoints.subscription.names)
    return NO_NAMES
