"""The names under which clients find a service, and its pods: those of Kubernetes' DNS."""

from collections.abc import Iterable
from dataclasses import replace

from mesh import hosts
from mesh.services import Service

OtherName = tuple[str, str, bool]
"""Of a Service that only names another: its name, its namespace, whether that is the client's."""


def pod_names(pod: str, service: Service, *, own_namespace: bool) -> list[str]:
    """The names of a pod of a headless service, its full one first."""
    own = replace(service, headless=False)
    return [f"{pod}.{name}" for name in names_of(own, (), own_namespace=own_namespace)]


def names_of(service: Service, aliases: Iterable[OtherName], *, own_namespace: bool) -> list[str]:
    """The names of a service, its own first."""
    names = [service.host]
    if service.in_kubernetes:
        names.append(f"{service.host}.")
        names += hosts.aliases(service.name, service.namespace, own_namespace=own_namespace)
    if service.in_kubernetes and service.headless:
        names += [f"*.{name}" for name in names]
    for name, namespace, is_own in aliases:
        full = hosts.fqdn(name, namespace)
        names += [full, f"{full}.", *hosts.aliases(name, namespace, own_namespace=is_own)]
    return names
