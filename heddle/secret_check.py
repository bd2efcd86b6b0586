"""What is wrong with the contents of a Secret: each with the key that it was found under."""

from collections.abc import Iterator

from crds.problem import Problem, error, warning
from crds.secret import TLS_TYPE, Secret

UNUSABLE = "bad-certificate"
"""The code of problems that keep the last good version in force."""


def check_secret(secret: Secret) -> Iterator[Problem]:
    """No value is ever part of a problem. Only who says that it is for TLS is wrong to be none."""
    # Here, and not above: whoever has no Secret is not to wait for the import.
    from ca.gateway_secret import certificate_fault, revoked_fault, roots_fault

    say = error if secret.type == TLS_TYPE else warning
    chain, key = secret.certificate, secret.private_key
    if chain is not None and key is not None:
        fault = certificate_fault(chain.reveal(), key.reveal())
        if fault:
            yield say(UNUSABLE, "data", f"{fault}; the last good one stays in force")
    elif secret.type == TLS_TYPE:
        missing = "tls.crt" if chain is None else "tls.key"
        message = "is missing: a certificate and its private key belong together"
        yield warning("no-certificate", f"data[{missing}]", message)
    for value, fault_of, name in (
        (secret.roots, roots_fault, "ca.crt"),
        (secret.revoked, revoked_fault, "ca.crl"),
    ):
        fault = fault_of(value.reveal()) if value is not None else None
        if fault:
            yield say(UNUSABLE, f"data[{name}]", f"{fault}; the last good one stays in force")
