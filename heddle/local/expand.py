"""What Kubernetes' controllers add to a folder of YAML: pods, addresses, endpoints. Pure.

It is level-triggered: given all objects it says all that should be there, whatever was there
before. Only the `Allocation` remembers, so that an address stays with who has it. The same objects
give the same result in `demo`, in `translate` and in the tests.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from crds.meta import Key
from crds.problem import Problem, Severity
from heddle.local.addresses import Allocation, allocate
from heddle.local.endpoint_slices import LocalPod, PodIndex, local_pod, slices
from heddle.local.workloads import DEFAULT_ACCOUNT, Raw, complete, key_of, pods, problem, uid
from webhook import raw

ALL_READY: Mapping[str, bool] = MappingProxyType({})

_CLUSTER_SCOPED = frozenset(
    {
        "",
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "GatewayClass",
        "List",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "StorageClass",
        "ValidatingWebhookConfiguration",
    }
)
_OVER = frozenset({"Succeeded", "Failed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Expanded:
    """`objects`: the given ones in their order, Pods and Services completed in place and all others
    the very same, then those that were added. Hand `allocation` to the next call.
    """

    objects: tuple[Raw, ...]
    allocation: Allocation
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """The given objects, sorted out in one pass. Names are `namespace/name`."""

    objects: tuple[Raw, ...]
    keys: tuple[Key, ...]
    pods: Mapping[str, Raw]
    services: Mapping[str, Raw]
    accounts: frozenset[str]
    namespaces: frozenset[str]
    """Those that are written down."""
    used_namespaces: frozenset[str]


def expand(
    objects: Iterable[Raw], allocation: Allocation, readiness: Mapping[str, bool] = ALL_READY
) -> Expanded:
    """`readiness` is by `namespace/name` of the pod; a pod that is not in it is ready."""
    given = _sorted_out(tuple(objects))
    wanted, problems = _wanted_pods(given)
    addresses, full = _addresses(wanted, given.services, allocation)
    placed = {
        name: _placed(pod, addresses.pods[name], readiness.get(name))
        for name, pod in wanted.items()
        if name in addresses.pods
    }
    completed = {
        name: _completed(service, addresses.services.get(name, ""))
        for name, service in given.services.items()
    }
    endpoint_slices, unresolved = _slices(completed, placed)
    added = [pod for name, pod in placed.items() if name not in given.pods]
    return Expanded(
        objects=(
            *_in_place(given, placed, completed),
            *_implied(given),
            *added,
            *endpoint_slices,
        ),
        allocation=addresses,
        problems=(*problems, *full, *unresolved, *_without_account(given, placed)),
    )


def _sorted_out(objects: tuple[Raw, ...]) -> _Given:
    keys = tuple(key_of(o) for o in objects)
    keyed = tuple(zip(keys, objects, strict=True))
    return _Given(
        objects=objects,
        keys=keys,
        pods={_name(key): o for key, o in keyed if _is_core(o, key, "Pod")},
        services={_name(key): o for key, o in keyed if _is_core(o, key, "Service")},
        accounts=frozenset(_name(key) for key in keys if key.kind == "ServiceAccount"),
        namespaces=frozenset(key.name for key in keys if key.kind == "Namespace"),
        used_namespaces=frozenset(k.namespace for k in keys if k.kind not in _CLUSTER_SCOPED),
    )


def _name(key: Key) -> str:
    return f"{key.namespace}/{key.name}"


def _is_core(raw_object: Raw, key: Key, kind: str) -> bool:
    """A malformed one is passed on as it is: the decoder says what is wrong with it."""
    is_one = key.kind == kind and key.name != "" and raw_object.get("apiVersion") == "v1"
    return is_one and isinstance(raw_object.get("spec"), Mapping)


def _wanted_pods(given: _Given) -> tuple[dict[str, dict[str, object]], list[Problem]]:
    """All pods by name, sorted; a pod that was written down beats one that was made."""
    wanted: dict[str, dict[str, object]] = {}
    problems: list[Problem] = []
    keyed = zip(given.keys, given.objects, strict=True)
    for key, workload in sorted(keyed, key=lambda item: item[0]):
        found, wrong = pods(workload, key)
        problems += wrong
        wanted |= {f"{key.namespace}/{name}": pod for name, pod in found.items()}
    for name, pod in given.pods.items():
        wanted[name] = complete(pod, key_of(pod))
    return dict(sorted(wanted.items())), problems


def _addresses(
    wanted: Mapping[str, Raw], services: Mapping[str, Raw], allocation: Allocation
) -> tuple[Allocation, list[Problem]]:
    subnets = allocation.subnets
    fixed = {name: address for name, pod in wanted.items() if (address := _own_address(pod))}
    pod_addresses = allocate(subnets.pods, wanted, allocation.pods, fixed)
    given = {
        name: raw.text(raw.spec(service).get("clusterIP")) for name, service in services.items()
    }
    virtual = [
        name
        for name, service in services.items()
        if given[name] != "None" and raw.spec(service).get("type") != "ExternalName"
    ]
    chosen = {name: given[name] for name in virtual if given[name]}
    service_addresses = allocate(subnets.services, virtual, allocation.services, chosen)
    problems = [
        problem(
            Severity.ERROR,
            Key("", kind, *name.split("/", 1)),
            "subnet-full",
            f"No address is left in {subnet}: use a larger subnet.",
        )
        for kind, subnet, names, found in (
            ("Pod", subnets.pods, sorted(wanted), pod_addresses),
            ("Service", subnets.services, sorted(virtual), service_addresses),
        )
        for name in names
        if name not in found
    ]
    result = replace(
        allocation,
        pods=MappingProxyType(pod_addresses),
        services=MappingProxyType(service_addresses),
    )
    return result, problems


def _own_address(pod: Raw) -> str:
    return raw.text(raw.mapping(pod.get("status")).get("podIP"))


def _placed(pod: Raw, address: str, ready: bool | None) -> dict[str, object]:
    """What the kubelet reports of a pod that runs; what was written down stays."""
    status = raw.mapping(pod.get("status"))
    given = raw.objects(status.get("conditions"))
    others = [condition for condition in given if condition.get("type") != "Ready"]
    if ready is None:
        says_no = {"type": "Ready", "status": "False"}
        ready = not any(says_no.items() <= condition.items() for condition in given)
    condition = {"type": "Ready", "status": "True" if ready else "False"}
    return {
        **pod,
        "status": {
            "phase": "Running",
            **status,
            "podIP": address,
            "podIPs": status.get("podIPs") or [{"ip": address}],
            "conditions": [*others, condition],
        },
    }


def _completed(service: Raw, address: str) -> Raw:
    key, spec, metadata = key_of(service), raw.spec(service), raw.metadata(service)
    identity = {
        "namespace": key.namespace,
        "uid": raw.text(metadata.get("uid")) or uid("Service", key.namespace, key.name),
    }
    virtual = {"clusterIP": address, "clusterIPs": spec.get("clusterIPs") or [address]}
    new_spec = {**spec, **virtual} if address else spec
    return {**service, "metadata": {**metadata, **identity}, "spec": new_spec}


def _slices(
    services: Mapping[str, Raw], placed: Mapping[str, Raw]
) -> tuple[list[dict[str, object]], list[Problem]]:
    index = PodIndex(_local(pod) for pod in placed.values() if _serves(pod))
    result: list[dict[str, object]] = []
    problems: list[Problem] = []
    for _, service in sorted(services.items()):
        found, wrong = slices(service, index)
        result += found
        problems += wrong
    return result, problems


def _serves(pod: Raw) -> bool:
    return raw.mapping(pod.get("status")).get("phase") not in _OVER


def _local(pod: Raw) -> LocalPod:
    status = raw.mapping(pod.get("status"))
    ready = {"type": "Ready", "status": "True"} in raw.objects(status.get("conditions"))
    return local_pod(pod, address=raw.text(status.get("podIP")), ready=ready)


def _in_place(
    given: _Given, placed: Mapping[str, Raw], services: Mapping[str, Raw]
) -> Iterator[Raw]:
    for key, raw_object in zip(given.keys, given.objects, strict=True):
        if _is_core(raw_object, key, "Pod"):
            yield placed.get(_name(key), raw_object)
        elif _is_core(raw_object, key, "Service"):
            yield services[_name(key)]
        else:
            yield raw_object


def _implied(given: _Given) -> Iterator[Raw]:
    """A Namespace for each that is named, and the account `default` that each one has."""
    for name in sorted(given.used_namespaces - given.namespaces):
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    for name in sorted((given.used_namespaces | given.namespaces) - {""}):
        if f"{name}/{DEFAULT_ACCOUNT}" not in given.accounts:
            metadata = {"name": DEFAULT_ACCOUNT, "namespace": name}
            yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}


def _without_account(given: _Given, placed: Mapping[str, Raw]) -> Iterator[Problem]:
    """One problem for each account, not for each of its pods."""
    missing: dict[str, Raw] = {}
    for full_name, pod in placed.items():
        account = raw.text(raw.spec(pod).get("serviceAccountName"))
        name = f"{full_name.partition('/')[0]}/{account}"
        if account != DEFAULT_ACCOUNT and name not in given.accounts:
            missing.setdefault(name, pod)
    for name, pod in sorted(missing.items()):
        message = "There is no such ServiceAccount: a cluster would not start the pod."
        where = {"path": "spec.serviceAccountName", "value": name.partition("/")[2]}
        key = key_of(pod)
        yield problem(Severity.WARNING, key, "unknown-service-account", message, **where)
