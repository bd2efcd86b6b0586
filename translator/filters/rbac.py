"""Authorization: what a policy forbids, and what none of those allows, is refused.

The order is Istio's (S-80): AUDIT, DENY, ALLOW, and before them CUSTOM (ext_authz.py). A policy in
dry run is only counted and logged, never obeyed (S-93).
"""

from collections.abc import Iterator, Sequence

from envoy.config.listener.v3.listener_components_pb2 import Filter
from envoy.config.rbac.v3.rbac_pb2 import RBAC
from envoy.extensions.filters.http.rbac.v3.rbac_pb2 import RBAC as HttpRBAC
from envoy.extensions.filters.network.rbac.v3.rbac_pb2 import RBAC as NetworkRBAC

from crds.authorization_policy import Action, AuthorizationPolicy, is_dry_run
from translator import pb
from translator.authorization.rules import Side, rbac
from translator.http_messages import HttpFilter

HTTP_NAME = "envoy.filters.http.rbac"
NETWORK_NAME = "envoy.filters.network.rbac"

_STEPS = (
    (Action.AUDIT, RBAC.LOG, ""),
    (Action.DENY, RBAC.DENY, "istio_dry_run_deny_"),
    (Action.ALLOW, RBAC.ALLOW, "istio_dry_run_allow_"),
)
"""An action, what Envoy does with what it matches, and the prefix of what a dry run leaves."""


def http_filters(policies: Sequence[AuthorizationPolicy], side: Side) -> Iterator[HttpFilter]:
    """For ports that speak HTTP."""
    for _, enforced, shadow, prefix in _compiled(policies, side):
        made = HttpRBAC(
            rules=enforced,
            shadow_rules=shadow,
            shadow_rules_stat_prefix=prefix if shadow else "",
        )
        yield HttpFilter(name=HTTP_NAME, typed_config=pb.any_of(made))


def network_filters(policies: Sequence[AuthorizationPolicy], side: Side) -> Iterator[Filter]:
    """For ports that do not, before what forwards the connection."""
    for _, enforced, shadow, prefix in _compiled(policies, side):
        made = NetworkRBAC(
            stat_prefix="tcp.",
            rules=enforced,
            shadow_rules=shadow,
            shadow_rules_stat_prefix=prefix if shadow else "",
        )
        yield Filter(name=NETWORK_NAME, typed_config=pb.any_of(made))


def _compiled(
    policies: Sequence[AuthorizationPolicy], side: Side
) -> Iterator[tuple[Action, RBAC | None, RBAC | None, str]]:
    for action, answer, prefix in _STEPS:
        given = [each for each in policies if each.action is action]
        real = [each for each in given if not is_dry_run(each)]
        rehearsed = [each for each in given if is_dry_run(each)]
        # An ALLOW without rules allows nothing: it must be there although it is empty.
        if given:
            yield (
                action,
                rbac(real, answer, side) if real else None,
                rbac(rehearsed, answer, side) if rehearsed else None,
                prefix,
            )
