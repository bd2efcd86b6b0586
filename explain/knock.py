"""A call that has come to a gateway: at which port, and from where."""

from dataclasses import dataclass

from explain.request import ELSEWHERE, Asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Knock:
    """`named` is the port that the caller means, of the gateway's Service or of its pod; `ports`
    are those of the pod that it may be. `peer_address` is who connects.
    """

    asked: Asked
    named: int
    ports: frozenset[int]
    peer_address: str = ELSEWHERE
