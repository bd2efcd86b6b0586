"""What is answered at the port of the proxies besides their configuration: to Istio's tools."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from heddle.control_plane import ControlPlane
from heddle.debug.review_guard import Create
from xds.auth import Authenticator
from xds.questions import Answer
from xds.status import Clients


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who is let in, and the answers by type."""

    authenticate: Authenticator
    answers: Mapping[str, Answer] = field(default_factory=dict)


def asked(
    plane: ControlPlane,
    clients: Clients,
    pods: Authenticator,
    create: Create | None,
    *,
    replica: str,
    steady: Callable[[], float],
    wall: Callable[[], float],
) -> Asked:
    """Users besides pods, if there is an API server that says whose a token is: `create` posts to
    it. The clocks give seconds: `steady` never goes back, `wall` is since the epoch.
    """
    if create is None:
        return Asked(authenticate=pods)
    # Here, and not above: it takes a while to import, which nobody else is to wait for.
    from heddle.debug.review_guard import ReviewGuard
    from heddle.questions.answers import answers
    from heddle.questions.visitors import AUDIENCE, VisitorAuthenticator

    guard = ReviewGuard(create, clock=steady, audience=AUDIENCE)
    return Asked(
        authenticate=VisitorAuthenticator(pods, guard, wall),
        answers=answers(plane, clients, replica, wall),
    )
