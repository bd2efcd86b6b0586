"""Faults that a rule injects: the client's sidecar delays or aborts a share of the requests.

A fault without a percentage never happens, as in Istio.
"""

from envoy.extensions.filters.common.fault.v3.fault_pb2 import FaultDelay
from envoy.extensions.filters.http.fault.v3.fault_pb2 import FaultAbort, HTTPFault

from crds.http_fault import GRPC_STATUS
from crds.virtual_service import Abort, Delay, HTTPFaultInjection
from translator import pb
from translator.http_messages import HttpFilter

NAME = "envoy.filters.http.fault"


def http_filter() -> HttpFilter:
    """Does nothing on routes without a fault."""
    return HttpFilter(name=NAME, typed_config=pb.any_of(HTTPFault()))


def per_route(injection: HTTPFaultInjection) -> HTTPFault | None:
    """The faults of one rule; `None` if it has none that can happen."""
    delay = _delay(injection.delay) if injection.delay else None
    abort = _abort(injection.abort) if injection.abort else None
    return HTTPFault(delay=delay, abort=abort) if delay or abort else None


def _delay(delay: Delay) -> FaultDelay | None:
    share = delay.percentage.value if delay.percentage else float(delay.percent)
    if delay.fixed_delay is None or share <= 0:
        return None
    return FaultDelay(
        fixed_delay=pb.positive_duration(delay.fixed_delay), percentage=pb.percent(share)
    )


def _abort(abort: Abort) -> FaultAbort | None:
    if abort.percentage is None or abort.percentage.value <= 0:
        return None
    share = pb.percent(abort.percentage.value)
    grpc = GRPC_STATUS.get(abort.grpc_status or "")
    if grpc is not None:
        return FaultAbort(grpc_status=grpc, percentage=share)
    if abort.http_status is not None:
        return FaultAbort(http_status=min(max(abort.http_status, 200), 599), percentage=share)
    return None
