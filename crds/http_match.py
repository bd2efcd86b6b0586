"""Which requests an HTTP rule of a VirtualService is for."""

from collections.abc import Mapping
from dataclasses import dataclass

from crds.fields import EMPTY, UInt32
from crds.scalars import StringMatch


@dataclass(frozen=True, slots=True, kw_only=True)
class HTTPMatchRequest:
    """All conditions must hold. `port`, `source_labels`, `gateways`, `source_namespace` are judged
    per client proxy, not by Envoy.
    """

    name: str = ""
    uri: StringMatch | None = None
    scheme: StringMatch | None = None
    method: StringMatch | None = None
    authority: StringMatch | None = None
    headers: Mapping[str, StringMatch] = EMPTY
    port: UInt32 = 0
    source_labels: Mapping[str, str] = EMPTY
    gateways: tuple[str, ...] = ()
    query_params: Mapping[str, StringMatch] = EMPTY
    ignore_uri_case: bool = False
    without_headers: Mapping[str, StringMatch] = EMPTY
    source_namespace: str = ""
    stat_prefix: str = ""
