"""The `/etc/hosts` of a pod, which is all the name service there is."""

from collections.abc import Mapping

CLUSTER_DOMAIN = "cluster.local"
_LOCALHOST = ("127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback")


def hosts_file(*, namespace: str, pod: str, pod_address: str, hosts: Mapping[str, str]) -> str:
    """`hosts` maps names to addresses. `reviews.shop.svc.cluster.local` is also found as
    `reviews.shop.svc`, `reviews.shop` and, within the namespace `shop`, `reviews`; any other name
    only as it is."""
    lines = [*_LOCALHOST, f"{pod_address}\t{pod}"]
    lines += [
        f"{address}\t{' '.join(_aliases(name, namespace))}"
        for name, address in sorted(hosts.items())
    ]
    return "".join(f"{line}\n" for line in lines)


def _aliases(name: str, namespace: str) -> list[str]:
    service, _, rest = name.partition(".")
    own, _, domain = rest.partition(".")
    if domain != f"svc.{CLUSTER_DOMAIN}":
        return [name]
    names = [name, f"{service}.{own}.svc", f"{service}.{own}"]
    return [*names, service] if own == namespace else names
