"""The listener that answers the application's questions for addresses: DNS capture.

The injector leads questions for addresses of one version of IP here (webhook/dns_capture.py), by
UDP, and nothing else, because of what Envoy's DNS filter makes of the rest (1.40, measured): it
says that a name does not exist if it has no address of the version asked for, which ends the
search of musl's resolver; it has no answer for other questions than A, AAAA and SRV; and it
answers with eight addresses at most. Names that are not in the table are looked up by the pod's
own resolvers, as the sidecar's user, whom nothing is redirected for.
"""

from collections.abc import Iterable, Iterator
from ipaddress import ip_address

from envoy.config.core.v3.base_pb2 import TrafficDirection
from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
from envoy.config.core.v3.resolver_pb2 import DnsResolverOptions
from envoy.config.listener.v3.listener_components_pb2 import ListenerFilter
from envoy.config.listener.v3.listener_pb2 import AdditionalAddress, Listener
from envoy.data.dns.v3.dns_table_pb2 import DnsTable
from envoy.extensions.filters.udp.dns_filter.v3.dns_filter_pb2 import DnsFilterConfig
from envoy.extensions.network.dns_resolver.cares.v3.cares_dns_resolver_pb2 import (
    CaresDnsResolverConfig,
)

from mesh.dns_names import DnsName
from mesh.interception import DNS_PORT
from translator import names, pb

_FILTER = "envoy.filters.udp.dns_filter"
_RESOLVER = "envoy.network.dns_resolver.cares"
_TTL = 30
"""Seconds that an answer counts for, as Istio's agent says; Envoy takes no less."""
_TIMEOUT = 4
"""Seconds: resolvers ask again after five."""
_PENDING = 4096
"""Questions of one thread that may wait for the pod's resolvers; what is more fails."""


def dns_listener(known: Iterable[DnsName], version: int, *, ipv6: bool) -> Listener:
    """With the addresses of IP `version`; a name that has none is not in the table. `ipv6`: the pod
    may have resolvers with IPv6 addresses.
    """
    domains = tuple(_domains(known, version))
    config = DnsFilterConfig(
        stat_prefix=names.DNS,
        server_config=DnsFilterConfig.ServerContextConfig(
            inline_dns_table=DnsTable(virtual_domains=domains)
        ),
        client_config=_client(),
    )
    filter_ = ListenerFilter(name=_FILTER, typed_config=pb.any_of(config))
    others = (AdditionalAddress(address=pb.datagram_address("::1", DNS_PORT)),) if ipv6 else ()
    return Listener(
        name=names.DNS,
        address=pb.datagram_address("127.0.0.1", DNS_PORT),
        additional_addresses=others,
        traffic_direction=TrafficDirection.OUTBOUND,
        listener_filters=(filter_,),
    )


def _domains(known: Iterable[DnsName], version: int) -> Iterator[DnsTable.DnsVirtualDomain]:
    for each in sorted(known):
        found = [a for a in each.addresses if ip_address(a).version == version]
        if found:
            addresses = DnsTable.AddressList(address=found)
            yield DnsTable.DnsVirtualDomain(
                name=each.name,
                endpoint=DnsTable.DnsEndpoint(address_list=addresses),
                answer_ttl=pb.seconds(_TTL),
            )


def _client() -> DnsFilterConfig.ClientContextConfig:
    """The resolvers of the pod's resolv.conf. Applications have made full names of theirs already:
    without `no_default_search_domain` each would be tried with every search domain once more.
    """
    options = DnsResolverOptions(no_default_search_domain=True)
    resolver = CaresDnsResolverConfig(dns_resolver_options=options)
    return DnsFilterConfig.ClientContextConfig(
        resolver_timeout=pb.seconds(_TIMEOUT),
        max_pending_lookups=_PENDING,
        typed_dns_resolver_config=TypedExtensionConfig(
            name=_RESOLVER, typed_config=pb.any_of(resolver)
        ),
    )
