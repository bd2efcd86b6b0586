"""What tools and people rely on in every configuration: names, and which listeners bind a port."""

import re

from mesh.proxy import Mode, Role
from tests.semantics import covers
from tests.translations import translations
from translator import names

BOUND = {names.VIRTUAL_OUTBOUND, names.VIRTUAL_INBOUND, names.HTTP_PROXY}
ASKED_TO_BIND = ("sidecars/ingress_bound", "sidecars/egress_bound")
"""Their Sidecars ask for listeners of their own."""
CLUSTER = re.compile(
    r"outbound\|\d+\|[^|]*\|[^|]+|inbound\|\d+\|\|"
    r"|PassthroughCluster|BlackHoleCluster|InboundPassthroughCluster"
    r"|jwks\|\d+\|https?\|[^|]+"  # ours: keys of tokens, which Istio fetches by itself
)


@covers("S-53")
def test_clusters_are_named_as_istio_s() -> None:
    found = {c.name for case in translations().values() for c in case.config().clusters}
    assert found
    assert {name for name in found if not CLUSTER.fullmatch(name)} == set()


@covers("S-51")
def test_only_where_traffic_arrives_is_a_port_bound() -> None:
    """Redirected connections come to one port; the listeners of their destinations bind none."""
    cases = {name: case for name, case in translations().items() if name not in ASKED_TO_BIND}
    redirected = [case for case in cases.values() if case.proxy.mode is Mode.REDIRECT]
    sidecars = [case for case in redirected if case.proxy.role is Role.SIDECAR]
    listeners = [each for case in sidecars for each in case.config().listeners]
    bound = {
        each.name
        for each in listeners
        if not each.HasField("bind_to_port") or each.bind_to_port.value
    }
    assert bound == BOUND - {names.HTTP_PROXY} | {names.DNS}
    assert len(listeners) > len(bound)
