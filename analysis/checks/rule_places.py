"""DestinationRules in a namespace where no client looks for them: clients look in their own, in
that of the service, and in the root namespace (istio-api.md S-14).
"""

from collections.abc import Iterator

from analysis import analyzer_codes as codes
from analysis.analyzer import Analyzer
from analysis.facts import Facts
from analysis.message import Message, finding
from analysis.workloads import is_peopled
from crds.destination_rule import DestinationRule
from mesh.destination_rules import pattern_of


def _run(facts: Facts) -> Iterator[Message]:
    for key, rule in facts.subjects(DestinationRule):
        host = pattern_of(rule)[1]
        owners = sorted({service.namespace for service in facts.mesh.services.at(host)})
        places = {*owners, facts.mesh.config.root_namespace}
        if not owners or key.namespace in places or key.namespace not in facts.namespaces:
            continue  # of a namespace that is not written down, the pods may be elsewhere, too
        if not is_peopled(facts, key.namespace):
            yield finding(
                codes.RULE_WITHOUT_CLIENTS,
                key,
                "spec.host",
                f"no client runs in namespace {key.namespace}, and those of other namespaces look "
                f"for rules of this host in their own and in {owners[0]}, so nobody obeys this one",
                value=rule.host,
                remedy=f"Move the rule to namespace {owners[0]}, or to that of its clients.",
            )


RULE_PLACES = Analyzer(
    name="rule-places",
    summary="DestinationRules in namespaces where no client looks for them.",
    codes=(codes.RULE_WITHOUT_CLIENTS,),
    run=_run,
)
