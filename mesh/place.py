"""Where a client is, as far as anybody asks: what decides on the endpoints that it gets beside its
scope.
"""

from mesh.localities import ANYWHERE, Place, with_topology
from mesh.locality_balance import LOCALITY, names_of
from mesh.mesh import Mesh
from mesh.proxy import Proxy


def asked_places(mesh: Mesh) -> frozenset[str]:
    """What rules and the mesh's settings ask of where clients are: `LOCALITY`, names of labels."""
    setting, default = mesh.config.locality_lb_setting, mesh.config.default_traffic_policy
    always = setting.distribute or default.outlier_detection is not None
    names = {*mesh.rules.places, *((LOCALITY,) if always else ())}
    return frozenset(names.union(names_of(setting.failover_priority)) if names else names)


def place_of(mesh: Mesh, proxy: Proxy) -> Place:
    """The place of a proxy."""
    asked = asked_places(mesh)
    if not asked:
        return ANYWHERE
    labels = with_topology(proxy.labels, proxy.locality, proxy.node)
    return Place(proxy.locality, frozenset((n, labels[n]) for n in asked if n in labels))
