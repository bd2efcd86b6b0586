"""Problems as Istio's analysis messages, which `status.validationMessages` holds and Kiali shows.

A code of Istio's is used where it means the same; for all else there are its two general ones.
"""

from collections.abc import Iterable, Mapping, Sequence

from crds.problem import Problem, Severity

DOCUMENTATION = "https://istio.io/latest/docs/reference/config/analysis"
MOST = 16
"""So many different messages are told."""

_GENERAL: Mapping[Severity, tuple[str, str]] = {
    Severity.ERROR: ("IST0106", "SchemaValidationError"),
    Severity.WARNING: ("IST0133", "SchemaWarning"),
}
_MISSING = ("IST0101", "ReferencedResourceNotFound")
_GATEWAYS = ("IST0145", "ConflictingGateways")

CODES: Mapping[str, tuple[str, str]] = {
    "bad-regex": ("IST0122", "InvalidRegexp"),
    "duplicate-sni": _GATEWAYS,
    "no-gateway-pod": _MISSING,
    "port-conflict": _GATEWAYS,
    "port-not-exposed": ("IST0162", "GatewayPortNotDefinedOnService"),
    "shadowed-sidecar": ("IST0110", "ConflictingSidecarWorkloadSelectors"),
    "shadowed-virtual-service": ("IST0109", "ConflictingMeshGatewayVirtualServiceHosts"),
    "unknown-delegate": _MISSING,
    "unknown-gateway": _MISSING,
    "unknown-host": _MISSING,
    "unknown-subset": _MISSING,
    "unreachable-rule": ("IST0130", "VirtualServiceUnreachableRule"),
    "unserved-host": ("IST0132", "VirtualServiceHostNotFoundInGateway"),
    "unusable-provider": _MISSING,
    "unusable-secret": ("IST0161", "InvalidGatewayCredential"),
    "unverified-server-name": ("IST0128", "NoServerCertificateVerificationDestinationLevel"),
}
"""By the code of a problem: Istio's code and name of the same finding."""


def validation_messages(problems: Iterable[Problem]) -> Sequence[Mapping[str, object]]:
    """One message for each kind of finding, errors first."""
    ranked = sorted(problems, key=lambda each: each.severity is not Severity.ERROR)
    found: dict[tuple[str, str], Mapping[str, object]] = {}
    for problem in ranked:
        code, name = CODES.get(problem.code, _GENERAL[problem.severity])
        found.setdefault(
            (code, problem.severity),
            {
                "type": {"code": code, "name": name},
                "level": problem.severity.name,
                "documentationUrl": f"{DOCUMENTATION}/{code.lower()}/",
            },
        )
    return list(found.values())[:MOST]
