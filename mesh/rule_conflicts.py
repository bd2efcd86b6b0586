"""DestinationRules of one host and namespace: those with one exportTo are merged (istio-api.md
S-17), of others the oldest wins, and a workloadSelector sets a rule apart (S-18). Who loses hears
of it.
"""

from collections.abc import Iterator

from crds.destination_rule import DestinationRule
from crds.meta import Key
from crds.problem import Problem, warning
from mesh.destination_rules import DestinationRules, pattern_of


def rule_conflicts(rules: DestinationRules, key: Key) -> Iterator[Problem]:
    """What an older rule takes from this one; without the object."""
    rule = rules.objects[key]
    ranked = rules.ranked(rules.patterns[pattern_of(rule)])
    older = ranked[: ranked.index(key)]
    merged = [other for other in older if _are_merged(rules, other, key)]
    yield from _taken([(other, rules.objects[other]) for other in merged], rule)
    for other in older:
        if _hides(rules, other, key):
            message = (
                f"{other} is for the same host and clients, and wins; merge the two, or give them "
                "the same exportTo"
            )
            yield warning("shadowed-destination-rule", "spec.host", message, rule.host)
            return


def _are_merged(rules: DestinationRules, one: Key, other: Key) -> bool:
    plain = all(rules.objects[key].workload_selector is None for key in (one, other))
    return plain and rules.exports_of(one) == rules.exports_of(other)


def _hides(rules: DestinationRules, older: Key, key: Key) -> bool:
    """Whether some client, or each, obeys the older one in place of the rule."""
    taking = rules.objects[older].workload_selector
    selector = rules.objects[key].workload_selector
    if taking is None or selector is None:
        plain = taking is None and selector is None
        return plain and rules.exports_of(older) != rules.exports_of(key)
    return taking.match_labels.items() <= selector.match_labels.items()


def _taken(older: list[tuple[Key, DestinationRule]], rule: DestinationRule) -> Iterator[Problem]:
    taken = {subset.name: key for key, each in older for subset in each.subsets}
    ruling = [key for key, each in older if each.traffic_policy is not None]
    if rule.traffic_policy is not None and ruling:
        message = f"{ruling[0]} has the traffic policy of the same host and wins; merge the two"
        yield warning("shadowed-traffic-policy", "spec.trafficPolicy", message, rule.host)
    for index, subset in enumerate(rule.subsets):
        if subset.name in taken:
            message = f"{taken[subset.name]} has this subset of the same host and wins; rename one"
            yield warning("duplicate-subset", f"spec.subsets[{index}].name", message, subset.name)
