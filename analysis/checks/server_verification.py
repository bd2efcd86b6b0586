"""DestinationRules that take any certificate of a server (IST0128 and IST0129).

Istio tells this of every rule without caCertificates. Here, as in newer versions of Istio, servers
are verified with the roots of the operating system then: only insecureSkipVerify takes any.
"""

from collections.abc import Iterator

from analysis import istio_codes as codes
from analysis.analyzer import Analyzer
from analysis.code import Code
from analysis.facts import Facts
from analysis.message import Message, finding
from crds.client_tls import ClientTLSSettings
from crds.destination_rule import DestinationRule, TrafficPolicy
from crds.meta import Key


def _run(facts: Facts) -> Iterator[Message]:
    for key, rule in facts.subjects(DestinationRule):
        yield from _of_policy(key, "spec.trafficPolicy", rule.traffic_policy)
        for index, subset in enumerate(rule.subsets):
            path = f"spec.subsets[{index}].trafficPolicy"
            yield from _of_policy(key, path, subset.traffic_policy)


def _of_policy(key: Key, path: str, policy: TrafficPolicy | None) -> Iterator[Message]:
    if policy is None:
        return
    yield from _of_tls(codes.NO_SERVER_CERTIFICATE_VERIFICATION, key, path, policy.tls)
    for index, level in enumerate(policy.port_level_settings):
        here = f"{path}.portLevelSettings[{index}]"
        yield from _of_tls(codes.NO_SERVER_CERTIFICATE_VERIFICATION_AT_PORT, key, here, level.tls)


def _of_tls(code: Code, key: Key, path: str, tls: ClientTLSSettings | None) -> Iterator[Message]:
    if tls is not None and tls.insecure_skip_verify and tls.is_foreign:
        text = "whoever is on the way can answer with any certificate, and read what is sent"
        yield finding(code, key, f"{path}.tls.insecureSkipVerify", text, value="true")


SERVER_VERIFICATION = Analyzer(
    name="server-verification",
    summary="DestinationRules that do not look whose certificate a server has.",
    codes=(
        codes.NO_SERVER_CERTIFICATE_VERIFICATION,
        codes.NO_SERVER_CERTIFICATE_VERIFICATION_AT_PORT,
    ),
    run=_run,
)
