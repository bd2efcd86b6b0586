"""Tells the server that a connection carries requests, where the cluster alone does not say so: a
port whose protocol is detected gets both, over one cluster (istio-api.md A-1).
"""

from envoy.config.core.v3.base_pb2 import DataSource
from envoy.config.core.v3.substitution_format_string_pb2 import SubstitutionFormatString
from envoy.extensions.filters.common.set_filter_state.v3.value_pb2 import FilterStateValue
from envoy.extensions.filters.http.set_filter_state.v3.set_filter_state_pb2 import Config

from translator import pb
from translator.http_messages import HttpFilter

NAME = "envoy.filters.http.set_filter_state"
_KEY = "envoy.network.application_protocols"
_OFFERED = "istio-http/1.1,istio"


def http_filter() -> HttpFilter:
    """Does nothing by itself: routes say where it is needed."""
    return HttpFilter(name=NAME, typed_config=pb.any_of(Config()))


def per_route() -> Config:
    """For what goes to a port whose protocol is detected."""
    value = FilterStateValue(
        object_key=_KEY,
        format_string=SubstitutionFormatString(
            text_format_source=DataSource(inline_string=_OFFERED)
        ),
        shared_with_upstream=FilterStateValue.ONCE,
    )
    return Config(on_request_headers=(value,))
