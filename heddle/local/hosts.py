"""The `/etc/hosts` of a pod, which is all the name service there is."""

from collections.abc import Iterator, Mapping, Sequence

CLUSTER_DOMAIN = "cluster.local"
_LOCALHOST = ("127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback")


def hosts_file(
    *, namespace: str, pod: str, pod_address: str, hosts: Mapping[str, Sequence[str]]
) -> str:
    """`hosts` maps names to addresses. `reviews.shop.svc.cluster.local` is also found as
    `reviews.shop.svc`, `reviews.shop` and, within the namespace `shop`, `reviews`, and so is the
    pod `db-0.reviews.shop.svc.cluster.local`; any other name only as it is."""
    lines = [*_LOCALHOST, f"{pod_address}\t{pod}"]
    lines += [
        f"{address}\t{' '.join(_aliases(name, namespace))}"
        for name, addresses in sorted(hosts.items())
        for address in addresses
    ]
    return "".join(f"{line}\n" for line in lines)


def _aliases(name: str, namespace: str) -> Iterator[str]:
    yield name
    inside = name.removesuffix(f".svc.{CLUSTER_DOMAIN}")
    if inside != name:
        yield f"{inside}.svc"
        yield inside
        if inside.endswith(f".{namespace}"):
            yield inside.removesuffix(f".{namespace}")
