"""Where a proxy that has its certificate from somebody else than us finds it, inside its pod. The
injector puts it there, and listeners and clusters name it.
"""

SDS_FOLDER = "/etc/heddle/sds"
"""SDS files, which never change: they say where what changes is."""
CERTIFICATE_FILE, TRUST_FILE = "certificate.yaml", "trust.yaml"
"""Those of the workload's own certificate, and of what it trusts."""

CERTIFICATE_FOLDER = "/var/run/secrets/heddle-certificate"
CHAIN, KEY, ROOTS = "chain.pem", "key.pem", "root.pem"
"""A Kubernetes pod certificate, its key, and the bundle of its signer."""

SPIRE_FOLDER, SPIRE_SOCKET = "/run/secrets/workload-spiffe-uds", "socket"
"""The Workload API of SPIRE's agent, where Istio has it."""
