"""What was found while objects were read and the mesh was made, as messages: the one table from the
code of a problem to the code that users see.

A problem that the table does not know is one with the form of a field.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from analysis import istio_codes as istio
from analysis import own_codes as own
from analysis.code import Code
from analysis.message import Message, finding
from analysis.severity import Severity
from crds import problem
from crds.problem import Problem

SEVERITIES: Mapping[problem.Severity, Severity] = {
    problem.Severity.ERROR: Severity.ERROR,
    problem.Severity.WARNING: Severity.WARNING,
}
_FORM: Mapping[problem.Severity, Code] = {
    problem.Severity.ERROR: istio.SCHEMA_VALIDATION_ERROR,
    problem.Severity.WARNING: istio.SCHEMA_WARNING,
}

CODES: Mapping[str, Code] = {
    "address-conflict": own.DUPLICATE_ADDRESS,
    "alias-circle": own.ALIAS_CIRCLE,
    "annotation-not-used": istio.UNKNOWN_ANNOTATION,
    "bad-annotation": istio.INVALID_ANNOTATION,
    "bad-regex": istio.INVALID_REGEXP,
    "bad-server-name": own.SERVER_NAME_UNMATCHED,
    "credential-without-selector": own.CREDENTIAL_WITHOUT_SELECTOR,
    "delegate-conflict": own.CONFLICTING_DELEGATE,
    "denies-tcp": own.BROADER_THAN_WRITTEN,
    "deprecated": istio.DEPRECATED,
    "duplicate-sni": istio.CONFLICTING_GATEWAYS,
    "duplicate-subset": own.CONFLICTING_DESTINATION_RULES,
    "failover-needs-outlier-detection": own.LOCALITY_WITHOUT_EFFECT,
    "hidden-host": own.HIDDEN_HOST,
    "hook-in-the-clear": own.IN_THE_CLEAR,
    "locality-unknown": own.LOCALITY_WITHOUT_EFFECT,
    "lost-at-port": own.POLICY_LOST_AT_PORT,
    "malformed-pod": own.UNUSABLE_POD,
    "malformed-template": own.UNUSABLE_POD,
    "name-taken": own.UNUSABLE_POD,
    "never-ejects": own.NEVER_EJECTS,
    "no-address": istio.SERVICE_ENTRY_ADDRESSES_REQUIRED,
    "no-endpoints": own.NO_ENDPOINTS,
    "no-gateway-pod": istio.REFERENCED_RESOURCE_NOT_FOUND,
    "no-server-name": own.SERVER_NAME_UNMATCHED,
    "no-tokens": istio.JWT_CLAIM_BASED_ROUTING_WITHOUT_REQUEST_AUTHN,
    "not-listening": own.NOT_LISTENING,
    "not-translated": own.UNSUPPORTED,
    "not-yours": own.UNUSABLE_POD,
    "port-conflict": own.CONFLICTING_PORTS,
    "port-needed": istio.VIRTUAL_SERVICE_DESTINATION_PORT_SELECTOR_REQUIRED,
    "port-not-exposed": istio.GATEWAY_PORT_NOT_DEFINED_ON_SERVICE,
    "protocol-unknown": istio.PORT_NAME_IS_NOT_UNDER_NAMING_CONVENTION,
    "provider-protocol": own.UNUSABLE_PROVIDER,
    "reserved-port": own.RESERVED_PORT,
    "reserved-user": istio.INVALID_APPLICATION_UID,
    "root-selector": own.ROOT_SELECTOR,
    "selector-mismatch": own.UNUSABLE_POD,
    "shadowed-destination-rule": own.CONFLICTING_DESTINATION_RULES,
    "shadowed-policy": own.SHADOWED_POLICY,
    "shadowed-sidecar": istio.CONFLICTING_SIDECAR_WORKLOAD_SELECTORS,
    "shadowed-traffic-policy": own.CONFLICTING_DESTINATION_RULES,
    "shadowed-virtual-service": istio.CONFLICTING_MESH_GATEWAY_VIRTUAL_SERVICE_HOSTS,
    "skipped-key": own.UNREADABLE_KEY,
    "top-level-only": own.POLICY_LOST_AT_PORT,
    "tunnel-needs-tcp": istio.SCHEMA_WARNING,
    "unknown-delegate": istio.REFERENCED_RESOURCE_NOT_FOUND,
    "unknown-gateway": istio.REFERENCED_RESOURCE_NOT_FOUND,
    "unknown-host": istio.REFERENCED_RESOURCE_NOT_FOUND,
    "unknown-port": istio.REFERENCED_RESOURCE_NOT_FOUND,
    "unknown-service-account": istio.REFERENCED_RESOURCE_NOT_FOUND,
    "unknown-subset": istio.REFERENCED_RESOURCE_NOT_FOUND,
    "unknown-target-port": own.UNKNOWN_TARGET_PORT,
    "unlisted-gateway": own.UNLISTED_GATEWAY,
    "unmatched-path": own.DEAD_MATCH,
    "unreachable-rule": istio.VIRTUAL_SERVICE_UNREACHABLE_RULE,
    "unserved-host": istio.VIRTUAL_SERVICE_HOST_NOT_FOUND_IN_GATEWAY,
    "unserved-target": own.UNSERVED_TARGET,
    "unsupported": own.UNSUPPORTED,
    "unsupported-kind": own.UNSUPPORTED,
    "unusable-endpoint": own.NO_ENDPOINTS,
    "unusable-provider": istio.REFERENCED_RESOURCE_NOT_FOUND,
    "unusable-secret": own.UNUSABLE_CREDENTIAL,
    "unused-delegate": own.UNUSED_DELEGATE,
    "unverified-server-name": own.UNVERIFIED_SERVER_NAME,
}
"""By the code of a problem: the code of the same finding."""

OF_KIND: Mapping[tuple[str, str], Code] = {
    ("no-certificate", "AuthorizationPolicy"): own.UNKNOWN_CALLERS,
    ("no-effect", "Sidecar"): istio.SCHEMA_WARNING,
    ("port-conflict", "Gateway"): istio.CONFLICTING_GATEWAYS,
    ("unknown-host", "DestinationRule"): istio.UNKNOWN_DESTINATION_RULE_HOST,
    ("unusable-secret", "Gateway"): istio.INVALID_GATEWAY_CREDENTIAL,
}
"""The same, where the kind of the object makes another finding of it."""

TOLD: frozenset[Code] = frozenset(
    {
        *CODES.values(),
        *OF_KIND.values(),
        *_FORM.values(),
        istio.MULTIPLE_SIDECARS_WITHOUT_WORKLOAD_SELECTORS,
        own.NOT_AN_OBJECT,
        own.ROUTED_HOST_UNKNOWN,
        own.UNREADABLE_FILE,
    }
)
"""All codes that a problem may be told under."""


def messages(problems: Iterable[Problem]) -> Iterator[Message]:
    """One message for each."""
    for each in problems:
        code = code_of(each)
        text, remedy = _parts(each.message)
        yield finding(
            code,
            each.object,
            each.path,
            text,
            value=each.value,
            remedy=remedy,
            severity=_severity(each, code),
        ).at(each.origin)


_WAYS_OUT = re.compile(r"; (did you mean [^;]+\?|name one of [^;]+)$")
"""What a problem says at its end, where it knows better than its code what to do."""


def _parts(message: str) -> tuple[str, str]:
    """What is wrong, and the way out if the problem knows it exactly."""
    found = _WAYS_OUT.search(message)
    if found is None:
        return message, ""
    remedy = found[1][0].upper() + found[1][1:]
    return message[: found.start()], remedy if remedy.endswith("?") else f"{remedy}."


def _severity(found: Problem, code: Code) -> Severity:
    """Its own, or that of its code where that is less: what is good to know is no warning, and a
    file of another kind beside the others is no error.
    """
    own_one = SEVERITIES[found.severity]
    is_less = found.severity is problem.Severity.WARNING and code.severity is Severity.INFO
    return code.severity if is_less or code is own.NOT_AN_OBJECT else own_one


def code_of(problem: Problem) -> Code:
    """The code that users see."""
    if problem.object is None:
        # It may well be no mistake: a file of Helm's or of Envoy's lies beside the others.
        return own.NOT_AN_OBJECT if problem.code == "no-type" else own.UNREADABLE_FILE
    kind = problem.object.kind
    # The field tells these apart: a host that is routed works at port 80, one to route to does not;
    # two Sidecars either select the same pods or both select all.
    if (problem.code, kind) == ("unknown-host", "VirtualService") and "hosts[" in problem.path:
        return own.ROUTED_HOST_UNKNOWN
    if problem.code == "shadowed-sidecar" and problem.path == "spec":
        return istio.MULTIPLE_SIDECARS_WITHOUT_WORKLOAD_SELECTORS
    known = OF_KIND.get((problem.code, kind)) or CODES.get(problem.code)
    return known or _FORM[problem.severity]
