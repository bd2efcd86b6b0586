"""What becomes of traffic to unknown hosts, as the mesh or a Sidecar says."""

from enum import StrEnum


class OutboundTrafficPolicyMode(StrEnum):
    """What becomes of traffic to hosts that the mesh does not know."""

    REGISTRY_ONLY = "REGISTRY_ONLY"
    ALLOW_ANY = "ALLOW_ANY"
