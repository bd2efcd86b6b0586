"""Fields that are read but not translated yet: setting one is a warning that says what comes of it,
so that nothing is ignored in silence.

When the translator learns a field, its line here goes. A field set to its default is not reported.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from crds.gateway import Server
from crds.load_balancer import LoadBalancerSettings, ZoneAwareLoadBalancerSetting
from crds.path import Path, render
from crds.problem import Problem, warning
from crds.server_tls import ServerTLSmode, ServerTLSSettings
from crds.tcp_route import L4MatchAttributes
from crds.virtual_service import VirtualService
from crds.workload_entry import WorkloadEntry
from crds.workload_group import WorkloadGroup


def _always(_: object) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Untranslated:
    """`applies` tells for which values; `message` is what the user reads, `code` the problem's."""

    message: str
    applies: Callable[[object], bool] = _always
    code: str = "not-translated"

    @property
    def always(self) -> bool:
        """Whether no value of the field has an effect."""
        return self.applies is _always

    def problems(self, value: object, path: Path) -> Iterator[Problem]:
        """The warning, if the value is one of those."""
        if self.applies(value):
            yield warning(self.code, render(path), self.message)


NOT_APPLIED = Untranslated(
    "is declared by Istio and implemented by nobody, so this match never applies: a narrow rule "
    "must not become a wide one; use sourceLabels or sourceNamespace",
    code="unsupported",
)


ONLY_REGIONS = Untranslated(
    "regions fail over as asked, but within one all zones are equally near: Envoy needs to know "
    "where its fellow clients are; use localityLbSetting to prefer a zone",
    lambda setting: (
        isinstance(setting, ZoneAwareLoadBalancerSetting) and setting.enabled is not False
    ),
)
NOR_IN_ISTIO = Untranslated(
    "has no effect, in Istio neither: no release translates it; use `simple` or `consistentHash`"
)
NOTHING_BEHIND = Untranslated(
    "leads to services of other networks, and there is one network: this server stays closed; use "
    "PASSTHROUGH and a VirtualService that says where to by sniHosts",
    lambda mode: mode is ServerTLSmode.AUTO_PASSTHROUGH,
)
ONE_NETWORK = Untranslated(
    "has no effect: there is one network, in which every workload is reached at its own address"
)
NO_AGENT = Untranslated(
    "has no effect: machines register themselves by way of Istio's agent, and here there is none; "
    "write a WorkloadEntry for each machine"
)
NOT_AT_GATEWAYS = Untranslated("has no effect at a gateway: only VirtualServices say where to send")
NEVER_SKIPPED = Untranslated("has no effect: a client that must show a certificate is verified")

UNTRANSLATED: Mapping[type, Mapping[str, Untranslated]] = {
    VirtualService: {},
    L4MatchAttributes: {"source_subnet": NOT_APPLIED},
    LoadBalancerSettings: {
        "zone_aware_lb_setting": ONLY_REGIONS,
        "backend_utilization": NOR_IN_ISTIO,
    },
    WorkloadEntry: {"network": ONE_NETWORK},
    WorkloadGroup: {"metadata": NO_AGENT, "template": NO_AGENT, "probe": NO_AGENT},
    Server: {"default_endpoint": NOT_AT_GATEWAYS},
    ServerTLSSettings: {"mode": NOTHING_BEHIND, "insecure_skip_verify": NEVER_SKIPPED},
}
