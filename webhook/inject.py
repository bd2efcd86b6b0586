"""The injection itself: a pod goes in, the same pod with a sidecar comes out. A pure function.

It works on raw JSON, because a pod has to come out with every field that it came with, known to us
or not. Nothing of the input is changed; what stays as it was is shared with it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from crds.meta import Annotation, Key, Label
from crds.problem import Problem, Severity
from mesh.interception import PORT_ANNOTATIONS
from mesh.proxy import Mode, Role
from webhook import certificates, raw, sidecar
from webhook.annotations import Options, options
from webhook.app_probes import Led, led_through_sidecar
from webhook.drain import with_time_to_drain
from webhook.gateway import gateway_conflicts, gateway_spec
from webhook.pod_checks import cautions, conflicts, malformed
from webhook.policy import decide
from webhook.proxy_port import through_proxy_port
from webhook.settings import InjectSettings, ProxyFacts
from webhook.workload import canonical_name, canonical_revision

_DEFAULT_CONTAINER = (
    "kubectl.kubernetes.io/default-container",
    "kubectl.kubernetes.io/default-logs-container",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Injected:
    """`pod` has its sidecar; if it was `skipped` (the reason) or `refused`, it is as it was."""

    pod: dict[str, object]
    skipped: str | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def refused(self) -> bool:
        """Some problem is an error: the pod must not be admitted."""
        return any(problem.severity is Severity.ERROR for problem in self.problems)


def inject(
    pod: Mapping[str, object],
    namespace: Mapping[str, object] | None,
    settings: InjectSettings,
    *,
    selected: bool = False,
) -> Injected:
    """`namespace` is the Namespace object; without one, only the pod's own wish counts. `selected`:
    somebody has already judged by the labels of namespace and pod that it joins the mesh.
    """
    unchanged, key = dict(pod), _key(pod, namespace)
    if bad_shape := tuple(malformed(pod, key)):
        return Injected(pod=unchanged, problems=bad_shape)
    if _has_sidecar(pod):
        return Injected(pod=unchanged, skipped="it has a sidecar already")
    labels = None if selected else raw.labels(namespace or {})
    decision = decide(pod, key, labels, settings)
    if decision.skipped is not None or decision.problems:
        return Injected(pod=unchanged, skipped=decision.skipped, problems=decision.problems)
    tuned = _tuned(pod, settings)
    chosen, problems = options(key, raw.annotations(tuned), settings)
    result = Injected(
        pod=unchanged, problems=(*problems, *_conflicts(pod, key, chosen), *cautions(pod, key))
    )
    if result.refused:
        return result
    return Injected(pod=_with_sidecar(tuned, key, chosen, settings), problems=result.problems)


def _tuned(pod: Mapping[str, object], settings: InjectSettings) -> Mapping[str, object]:
    """The pod with the annotations that the settings give it. The control plane reads those about
    ports off the pod: it has to know the ones that are there by default.
    """
    ports = {
        name: text
        for name, text in settings.default_annotations.items()
        if name in PORT_ANNOTATIONS
    }
    given = {**settings.injected_annotations, **ports}
    if not given:
        return pod
    annotations = {**given, **raw.annotations(pod)}
    return {**pod, "metadata": {**raw.metadata(pod), "annotations": annotations}}


def _conflicts(pod: Mapping[str, object], key: Key, chosen: Options) -> Iterator[Problem]:
    is_gateway = chosen.role is Role.ROUTER
    yield from conflicts(pod, key, own=(sidecar.PROXY,) if is_gateway else (), source=chosen.source)
    yield from gateway_conflicts(pod, key) if is_gateway else ()


def _key(pod: Mapping[str, object], namespace: Mapping[str, object] | None) -> Key:
    """At admission a pod may lack its namespace, and have only the prefix of a name."""
    metadata = raw.metadata(pod)
    return Key(
        group="",
        kind="Pod",
        namespace=raw.text(raw.metadata(namespace or {}).get("name"))
        or raw.text(metadata.get("namespace"))
        or "default",
        name=raw.text(metadata.get("name")) or raw.text(metadata.get("generateName")),
    )


def _has_sidecar(pod: Mapping[str, object]) -> bool:
    """Both signs are asked for: the annotation alone could have been copied from another pod."""
    names = {raw.text(container.get("name")) for container in raw.containers(pod)}
    return Annotation.STATUS in raw.annotations(pod) and sidecar.PROXY in names


@dataclass(frozen=True, slots=True, kw_only=True)
class _Added:
    """What the injector puts in front of the author's lists (volumes: behind)."""

    init_containers: Sequence[dict[str, object]]
    containers: Sequence[dict[str, object]]
    volumes: Sequence[dict[str, object]]


def _with_sidecar(
    pod: Mapping[str, object], key: Key, chosen: Options, settings: InjectSettings
) -> dict[str, object]:
    cluster = f"{canonical_name(pod) or 'unknown'}.{key.namespace}"
    led = Led(raw.spec(pod))
    if chosen.lead_probes and chosen.mode is Mode.REDIRECT and chosen.role is Role.SIDECAR:
        led = led_through_sidecar(led.spec, raw.annotations(pod))
    facts = ProxyFacts(
        cluster=cluster,
        mode=chosen.mode,
        role=chosen.role,
        probes=led.probes,
        source=settings.source,
        cluster_id=settings.cluster_id,
        network=settings.network,
    )
    bootstrap = settings.bootstrap(facts)
    added = _added(chosen, bootstrap, settings)
    metadata = {
        **raw.metadata(pod),
        "annotations": _annotations(pod, added, chosen, settings),
        "labels": _labels(pod, chosen.role),
    }
    spec = _pulling(_spec(led.spec, added, chosen), settings.image_pull_secrets)
    if chosen.role is Role.ROUTER:
        spec = gateway_spec(spec, chosen, bootstrap, settings)
    spec = with_time_to_drain(spec, chosen.termination_drain_seconds)
    return {**pod, "metadata": metadata, "spec": spec}


def _is_redirected(chosen: Options, settings: InjectSettings) -> bool:
    """Whether an init container of ours redirects the pod's traffic."""
    is_sidecar = chosen.role is Role.SIDECAR and chosen.mode is not Mode.NONE
    return is_sidecar and settings.redirects


def _added(chosen: Options, bootstrap: Mapping[str, object], settings: InjectSettings) -> _Added:
    if chosen.role is Role.ROUTER:  # the pod's own container is the proxy
        return _Added(init_containers=(), containers=(), volumes=sidecar.volumes(settings))
    proxy = sidecar.proxy_container(chosen, bootstrap, settings)
    redirected = _is_redirected(chosen, settings)
    inits = [sidecar.init_container(settings, chosen.interception)] if redirected else []
    return _Added(
        init_containers=[*inits, proxy] if chosen.native_sidecar else inits,
        containers=[] if chosen.native_sidecar else [proxy],
        volumes=sidecar.volumes(settings),
    )


def _spec(spec: Mapping[str, object], added: _Added, chosen: Options) -> dict[str, object]:
    users, inits = raw.objects(spec.get("containers")), raw.objects(spec.get("initContainers"))
    if chosen.mode is Mode.NONE and chosen.role is Role.SIDECAR:
        users = tuple(map(through_proxy_port, users))
        # A sidecar that is no native one starts only after the init containers.
        inits = tuple(map(through_proxy_port, inits)) if chosen.native_sidecar else inits
    return {
        **spec,
        "initContainers": [*added.init_containers, *inits],
        "containers": [*added.containers, *users],
        "volumes": [*raw.objects(spec.get("volumes")), *added.volumes],
    }


def _pulling(spec: dict[str, object], secrets: Sequence[str]) -> dict[str, object]:
    """The Secrets that our images need, besides those of the pod's own."""
    given = raw.objects(spec.get("imagePullSecrets"))
    names = {raw.text(each.get("name")) for each in given}
    added = [{"name": name} for name in secrets if name not in names]
    return {**spec, "imagePullSecrets": [*given, *added]} if added else spec


def _labels(pod: Mapping[str, object], role: Role) -> dict[str, str]:
    name = canonical_name(pod)
    is_sidecar = role is Role.SIDECAR
    return {
        **({Label.CANONICAL_NAME: name} if name else {}),
        Label.CANONICAL_REVISION: canonical_revision(pod),
        **({Label.TLS_MODE: "istio"} if is_sidecar else {}),  # it takes mutual TLS
        **raw.labels(pod),
    }


def _annotations(
    pod: Mapping[str, object], added: _Added, chosen: Options, settings: InjectSettings
) -> dict[str, str]:
    first = raw.text(raw.objects(raw.spec(pod).get("containers"))[0].get("name"))
    status = {
        "containers": [container["name"] for container in added.containers],
        "initContainers": [container["name"] for container in added.init_containers],
        "revision": settings.revision,
        "volumes": [volume["name"] for volume in added.volumes],
    }
    captures = chosen.interception.captures_dns and _is_redirected(chosen, settings)
    return {
        **dict.fromkeys(_DEFAULT_CONTAINER, first),
        **raw.annotations(pod),
        **({Annotation.DNS_CAPTURE: "true"} if captures else {}),
        Annotation.INTERCEPTION_MODE: chosen.mode.value,
        Annotation.STATUS: json.dumps(status, separators=(",", ":")),
        Label.REVISION: settings.revision,
        sidecar.SDS_TOKEN_ANNOTATION: settings.sds_token,
        sidecar.SDS_CA_ANNOTATION: settings.sds_ca,
        **{certificates.ANNOTATIONS[name]: text for name, text in settings.sds_own.items()},
    }
