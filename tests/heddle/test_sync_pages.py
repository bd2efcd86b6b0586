"""How far a proxy is, in the form that tools of Istio read."""

import pytest

from heddle.sync_pages import nonces
from xds.status import TypeStatus


def status(sent: int, acked: int, *, settled: bool) -> TypeStatus:
    return TypeStatus(
        sent=sent,
        acked=acked,
        in_flight=0,
        settled=settled,
        rejected=False,
        nack=None,
        quarantined=(),
    )


@pytest.mark.parametrize(
    ("types", "shown"),
    [
        ([], ("", "")),
        ([status(-1, -1, settled=False)], ("", "")),
        ([status(7, 5, settled=True)], ("7", "7")),
        ([status(7, 5, settled=False)], ("7", "5")),
        ([status(7, 7, settled=False)], ("7+", "7")),
        ([status(7, 7, settled=True), status(3, -1, settled=False)], ("7", "-1")),
    ],
)
def test_nonces_are_equal_if_a_proxy_has_all(
    types: list[TypeStatus], shown: tuple[str, str]
) -> None:
    """Kiali compares them: empty is never sent, unequal is stale."""
    assert nonces(types) == shown
