"""What rules say of endpoints near and far: the effective `localityLbSetting` of a cluster."""

from collections.abc import Iterator
from dataclasses import dataclass

from crds.destination_rule import DestinationRule, PortTrafficPolicy, TrafficPolicy
from crds.load_balancer import (
    Distribute,
    Failover,
    LoadBalancerSettings,
    LocalityLoadBalancerSetting,
)
from mesh.destinations import Policy

LOCALITY = ""
"""Among the names of labels that rules ask of a client: its locality."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalityBalance:
    """Either shares of localities, or an order in which they are used: by what endpoints have in
    common with the client (`labels`, which may say the client's value: `name=value`), then, unless
    there are labels and no `failover`, by distance.

    `regional`: whoever is in the client's region is equally near.
    """

    distribute: tuple[Distribute, ...] = ()
    failover: tuple[Failover, ...] = ()
    labels: tuple[str, ...] = ()
    regional: bool = False


def locality_balance(
    policy: Policy, default: LocalityLoadBalancerSetting
) -> LocalityBalance | None:
    """For a cluster with this policy; `default` is the mesh's. A rule's setting replaces it as a
    whole, and without outlier detection nothing fails over (istio-api.md S-76).
    """
    balancer = policy.load_balancer or LoadBalancerSettings()
    zones = balancer.zone_aware_lb_setting
    if zones is not None:
        if zones.enabled is False:
            return None
        return LocalityBalance(
            failover=zones.failover, labels=zones.failover_priority, regional=True
        )
    setting = balancer.locality_lb_setting or default
    if setting.enabled is False:
        return None
    if setting.distribute:
        return LocalityBalance(distribute=setting.distribute)
    if policy.outlier_detection is None:
        return None
    return LocalityBalance(failover=setting.failover, labels=setting.failover_priority)


def asked_by_rule(rule: DestinationRule) -> frozenset[str]:
    """What a rule may ask of its clients: `LOCALITY`, and names of labels."""
    return frozenset(name for policy in _policies(rule) for name in _asked_by(policy))


def _policies(rule: DestinationRule) -> Iterator[TrafficPolicy]:
    for policy in (rule.traffic_policy, *(subset.traffic_policy for subset in rule.subsets)):
        if policy is not None:
            yield policy


def _asked_by(policy: TrafficPolicy) -> Iterator[str]:
    blocks: tuple[TrafficPolicy | PortTrafficPolicy, ...] = (policy, *policy.port_level_settings)
    for block in blocks:
        balancer = block.load_balancer or LoadBalancerSettings()
        zones, setting = balancer.zone_aware_lb_setting, balancer.locality_lb_setting
        if block.outlier_detection or zones or setting:
            yield LOCALITY
        for each in (zones, setting):
            yield from names_of(each.failover_priority if each else ())


def names_of(priority: tuple[str, ...]) -> Iterator[str]:
    """The labels whose value is the client's own."""
    return (label for label in priority if "=" not in label)
