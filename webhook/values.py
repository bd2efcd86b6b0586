"""The injector's settings as an administrator writes them: the document `injection` beside `mesh`,
by the names of Istio's values.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from crds.convert import plan
from crds.convert_scalar import Problems
from crds.fields import EMPTY, UInt32, wire
from crds.label_selector import LabelSelector, check_label_selector
from crds.meta import Annotation
from crds.path import root
from crds.problem import Problem, error
from mesh.interception import EXCLUDE_INBOUND, INCLUDE_INBOUND
from webhook.annotations import SIDECAR, TRAFFIC, complaint
from webhook.proxy_config import ProxyConfig, proxy_config
from webhook.settings import InjectSettings, Quantities, RootSource


class Policy(StrEnum):
    """Whether a pod that says nothing itself gets a sidecar where the labels choose it."""

    ENABLED = "enabled"
    DISABLED = "disabled"


class PullPolicy(StrEnum):
    """When images are pulled."""

    ALWAYS = "Always"
    IF_NOT_PRESENT = "IfNotPresent"
    NEVER = "Never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Of a container."""

    requests: Mapping[str, str] = EMPTY
    limits: Mapping[str, str] = EMPTY

    @property
    def quantities(self) -> Quantities:
        """What is given of the two."""
        both = {"requests": self.requests, "limits": self.limits}
        return {name: values for name, values in both.items() if values}


@dataclass(frozen=True, slots=True, kw_only=True)
class StartupProbe:
    """One try is made each second."""

    failure_threshold: UInt32 | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyValues:
    """Defaults of the annotations of the same purpose."""

    image: str = ""
    resources: Resources | None = None
    log_level: str = ""
    component_log_level: str = ""
    concurrency: UInt32 | None = None
    drain_duration: str = ""
    termination_drain_duration: str = ""
    include_ip_ranges: str = field(default="", metadata=wire("includeIPRanges"))
    exclude_ip_ranges: str = field(default="", metadata=wire("excludeIPRanges"))
    include_inbound_ports: str = ""
    exclude_inbound_ports: str = ""
    include_outbound_ports: str = ""
    exclude_outbound_ports: str = ""
    startup_probe: StartupProbe | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InitValues:
    """The container that redirects a pod's traffic."""

    image: str = ""
    resources: Resources | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiCluster:
    """What the cluster is called among others."""

    cluster_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Global:
    """What concerns all pods."""

    proxy: ProxyValues = field(default_factory=ProxyValues)
    proxy_init: InitValues = field(default_factory=InitValues, metadata=wire("proxy_init"))
    image_pull_policy: PullPolicy | None = None
    image_pull_secrets: tuple[str, ...] = ()
    multi_cluster: MultiCluster = field(default_factory=MultiCluster)
    network: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectorValues:
    """Who is injected, and what else they get."""

    never_inject_selector: tuple[LabelSelector, ...] = ()
    always_inject_selector: tuple[LabelSelector, ...] = ()
    rewrite_app_http_probe: bool | None = field(default=None, metadata=wire("rewriteAppHTTPProbe"))
    injected_annotations: Mapping[str, str] = EMPTY
    native_sidecars: bool = True
    """Off for clusters older than Kubernetes 1.29."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cni:
    """Whether a CNI plugin redirects traffic, in place of an init container."""

    enabled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectionValues:
    """The whole document."""

    global_: Global = field(default_factory=Global, metadata=wire("global"))
    sidecar_injector_webhook: InjectorValues = field(default_factory=InjectorValues)
    cni: Cni = field(default_factory=Cni)
    policy: Policy = Policy.ENABLED
    roots_from: RootSource = RootSource.CONFIG_MAP


NO_VALUES = InjectionValues()


def injection_values(raw: Mapping[str, object]) -> tuple[InjectionValues, tuple[Problem, ...]]:
    """Reads the document; with an error among the problems, it is of no use as a whole."""
    problems: Problems = []
    values = InjectionValues(**plan(InjectionValues).values(raw, root(""), problems))
    return values, (*problems, *_check(values))


def _check(values: InjectionValues) -> Iterator[Problem]:
    injector = values.sidecar_injector_webhook
    for name, selectors in (
        ("neverInjectSelector", injector.never_inject_selector),
        ("alwaysInjectSelector", injector.always_inject_selector),
    ):
        for index, selector in enumerate(selectors):
            yield from check_label_selector(f"sidecarInjectorWebhook.{name}[{index}]", selector)
    probe = values.global_.proxy.startup_probe
    if probe is not None and probe.failure_threshold == 0:
        path = "global.proxy.startupProbe.failureThreshold"
        yield error("bad-value", path, "must be at least 1", 0)
    yield from _check_defaults(values)


def _check_defaults(values: InjectionValues) -> Iterator[Problem]:
    """They are read as the annotations are that they stand for."""
    paths = {annotation: path for path, annotation, _ in _defaults(values)}
    for name, text in default_annotations(values).items():
        if (reason := complaint(name, text)) is not None:
            yield error("bad-value", paths[name], reason, text)
    try:
        _proxy_config(values.global_.proxy)
    except ValueError as reason:
        yield error("bad-value", "global.proxy", str(reason))


def _defaults(values: InjectionValues) -> Iterator[tuple[str, str, str]]:
    """Where in the document the default of which annotation is, and its text."""
    proxy, path = values.global_.proxy, "global.proxy"
    yield f"{path}.logLevel", f"{SIDECAR}logLevel", proxy.log_level
    yield f"{path}.componentLogLevel", f"{SIDECAR}componentLogLevel", proxy.component_log_level
    yield f"{path}.image", Annotation.PROXY_IMAGE, proxy.image
    yield f"{path}.includeIPRanges", f"{TRAFFIC}includeOutboundIPRanges", proxy.include_ip_ranges
    yield f"{path}.excludeIPRanges", f"{TRAFFIC}excludeOutboundIPRanges", proxy.exclude_ip_ranges
    yield f"{path}.includeInboundPorts", INCLUDE_INBOUND, proxy.include_inbound_ports
    yield f"{path}.excludeInboundPorts", EXCLUDE_INBOUND, proxy.exclude_inbound_ports
    name = f"{TRAFFIC}includeOutboundPorts"
    yield f"{path}.includeOutboundPorts", name, proxy.include_outbound_ports
    name = f"{TRAFFIC}excludeOutboundPorts"
    yield f"{path}.excludeOutboundPorts", name, proxy.exclude_outbound_ports
    probes = values.sidecar_injector_webhook.rewrite_app_http_probe
    if probes is not None:
        name = f"{SIDECAR}rewriteAppHTTPProbers"
        yield "sidecarInjectorWebhook.rewriteAppHTTPProbe", name, str(probes).lower()


def default_annotations(values: InjectionValues) -> Mapping[str, str]:
    """What the document says in the place of annotations that a pod does not have."""
    return {name: text for _, name, text in _defaults(values) if text}


def _proxy_config(proxy: ProxyValues) -> ProxyConfig:
    given = {
        "concurrency": proxy.concurrency,
        "drainDuration": proxy.drain_duration or None,
        "terminationDrainDuration": proxy.termination_drain_duration or None,
    }
    known = {name: value for name, value in given.items() if value is not None}
    return proxy_config(json.dumps(known))


def with_values(settings: InjectSettings, values: InjectionValues) -> InjectSettings:
    """The settings as the document changes them; `values` has no errors."""
    everywhere, injector = values.global_, values.sidecar_injector_webhook
    proxy, init = everywhere.proxy, everywhere.proxy_init
    config = _proxy_config(proxy)
    last = config.termination_drain_seconds
    probe = proxy.startup_probe
    startup = probe.failure_threshold if probe is not None else None
    return replace(
        settings,
        init_image=init.image or settings.init_image,
        init_resources=_quantities(init.resources, settings.init_resources),
        resources=_quantities(proxy.resources, settings.resources),
        image_pull_policy=everywhere.image_pull_policy or settings.image_pull_policy,
        image_pull_secrets=everywhere.image_pull_secrets or settings.image_pull_secrets,
        redirects=settings.redirects and not values.cni.enabled,
        by_default=values.policy is Policy.ENABLED,
        never=injector.never_inject_selector,
        always=injector.always_inject_selector,
        injected_annotations=injector.injected_annotations,
        default_annotations=default_annotations(values),
        cluster_id=everywhere.multi_cluster.cluster_name or settings.cluster_id,
        network=everywhere.network or settings.network,
        roots=values.roots_from,
        native_sidecar=settings.native_sidecar and injector.native_sidecars,
        startup_seconds=startup or settings.startup_seconds,
        concurrency=settings.concurrency if config.concurrency is None else config.concurrency,
        drain_seconds=config.drain_seconds or settings.drain_seconds,
        termination_drain_seconds=settings.termination_drain_seconds if last is None else last,
    )


def _quantities(given: Resources | None, default: Quantities) -> Quantities:
    return given.quantities if given is not None and given.quantities else default
