"""VirtualServices whose hosts no Sidecar of their clients imports, so that nobody obeys them
(istio-api.md S-5).
"""

from collections.abc import Iterator, Mapping

from analysis import analyzer_codes as codes
from analysis.analyzer import Analyzer
from analysis.facts import Facts
from analysis.message import Message, finding
from crds.core import Pod
from crds.meta import Key
from crds.virtual_service import VirtualService
from mesh.exports import is_exported
from mesh.gateway_names import MESH
from mesh.proxy import is_injected
from mesh.sidecars import Sidecars
from mesh.virtual_services import routed_hosts


def _run(facts: Facts) -> Iterator[Message]:
    sidecars = facts.mesh.sidecars
    looked_at = tuple(facts.subjects(VirtualService)) if sidecars.objects else ()
    clients = _clients(facts) if looked_at else {}
    for key, item in looked_at:
        routed = routed_hosts(item)
        if not routed or any(name != MESH for name in item.gateways):
            continue
        exports = facts.mesh.virtual_services.exports_of(key)
        seen = {n: c for n, c in clients.items() if is_exported(exports, key.namespace, n)}
        if seen and not any(_imports(sidecars, key, routed, n, c) for n, c in seen.items()):
            yield finding(
                codes.NOBODY_IMPORTS,
                key,
                "spec.hosts",
                f"none of the clients, of namespace {', '.join(sorted(seen)[:3])}, imports these "
                "hosts, so nobody obeys these rules",
            )


def _clients(facts: Facts) -> Mapping[str, frozenset[Key | None]]:
    """By namespace, the Sidecars that pods there may obey; None for pods that have none to obey."""
    sidecars, root = facts.mesh.sidecars, facts.mesh.config.root_namespace
    places = {key.namespace for key, pod in facts.every(Pod) if is_injected(pod)}
    return {
        place: frozenset(
            {
                sidecars.default(place, root),
                *(key for key in sidecars.namespaces.get(place, ()) if sidecars.selector(key)),
            }
        )
        for place in places
    }


def _imports(
    sidecars: Sidecars,
    key: Key,
    routed: tuple[str, ...],
    namespace: str,
    obeyed: frozenset[Key | None],
) -> bool:
    return any(
        each is None
        or any(
            listener.includes_routes(key.namespace, routed, namespace)
            for listener in sidecars.imports[each].listeners
        )
        for each in obeyed
    )


IMPORTS = Analyzer(
    name="imports",
    summary="VirtualServices that no Sidecar of their clients imports.",
    codes=(codes.NOBODY_IMPORTS,),
    run=_run,
)
