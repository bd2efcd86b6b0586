"""`describe` as plain values."""

from collections.abc import Mapping
from typing import Final

from crds.names import is_ip
from explain.describe import pod_steps, service_steps
from explain.step import Step
from heddle.explained.situation import Situation
from heddle.proxies.targets import DEFAULT_NAMESPACE
from mesh.hosts import fqdn
from mesh.services import Service

POD: Final = "pod"
SERVICE: Final = "service"


def described(situation: Situation, kind: str, name: str) -> Mapping[str, object]:
    """What acts on a pod (`[kind/]name[.namespace]`) or a service (`name[.namespace]`, or a whole
    host). Raises `ValueError`.
    """
    if kind == POD:
        proxy = situation.proxy(name)
        steps = pod_steps(situation.mesh, proxy)
        return _document(situation, f"{proxy.name}.{proxy.namespace}", list(steps))
    if kind != SERVICE:
        raise ValueError(f"{kind!r} cannot be described: say {POD} or {SERVICE}")
    service = _service(situation, name)
    steps = service_steps(situation.mesh, service, service.namespace)
    return _document(situation, service.host, list(steps))


def _service(situation: Situation, name: str) -> Service:
    short, _, namespace = name.partition(".")
    services = situation.mesh.services
    for host in (name, fqdn(short, namespace or DEFAULT_NAMESPACE)):
        found = () if is_ip(host) else services.at(host)
        if found:
            return found[0]
    raise ValueError(f"there is no service {name}: write NAME.NAMESPACE, or its whole host")


def _document(situation: Situation, name: str, steps: list[Step]) -> Mapping[str, object]:
    return {
        "name": name,
        "acting": [
            {
                "at": each.at,
                "name": each.name,
                "says": each.says,
                "ok": each.ok,
                "causes": situation.causes(each.causes),
                "problems": situation.problems(each.problems),
            }
            for each in steps
        ],
    }
