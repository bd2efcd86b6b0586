"""What the control plane's account may do for the certificate authority: docs/certificates.md."""

from collections.abc import Mapping

from heddle.authority_secret import GIVEN, ROOTS, SECRET
from heddle.root_config_maps import BUNDLE
from tests.kube.accounts import rule
from webhook.settings import SIGNER


def named(group: str, resource: str, name: str, *verbs: str) -> Mapping[str, object]:
    return {**rule(group, [resource], verbs), "resourceNames": [name]}


HERE = (
    rule("", ["secrets"], ["create"]),
    named("", "secrets", SECRET, "get", "update"),
    named("", "secrets", GIVEN, "get"),
    named("", "configmaps", ROOTS, "get"),
    rule("", ["pods"], ["get"]),
    rule("coordination.k8s.io", ["leases"], ["get", "list", "create", "update", "patch", "delete"]),
)
"""In the system namespace."""
EVERYWHERE = (
    rule("", ["configmaps"], ["create"]),
    named("", "configmaps", ROOTS, "list", "patch", "delete"),
    rule("certificates.k8s.io", ["clustertrustbundles"], ["create"]),
    named("certificates.k8s.io", "clustertrustbundles", BUNDLE, "get", "patch"),
    rule("certificates.k8s.io", ["podcertificaterequests"], ["list"]),
    rule("certificates.k8s.io", ["podcertificaterequests/status"], ["update"]),
    named("certificates.k8s.io", "signers", SIGNER, "attest", "sign"),
)
