import pytest

from mesh.routing import Missing, Target
from tests.translator.inputs import HOST, missing, target
from translator import names
from translator.shares import shares

V1, V2 = f"outbound|80|v1|{HOST}", f"outbound|80|v2|{HOST}"


@pytest.mark.parametrize(
    ("targets", "divided"),
    [
        ((target("v1"),), [(V1, 1)]),
        ((target("v1", 90), target("v2", 10)), [(V1, 90), (V2, 10)]),
        ((target("v1", 1), target("v2", 0)), [(V1, 1)]),
        ((target("v1", 90), missing(10)), [(V1, 90), (names.BLACKHOLE, 10)]),
        ((target("v1", 0), target("v2", 0)), []),
        ((missing(),), []),
        ((missing(50), missing(50)), []),
        ((target("v1", 0), missing(10)), []),
        ((), []),
    ],
)
def test_how_traffic_is_divided(
    targets: tuple[Target | Missing, ...], divided: list[tuple[str, int]]
) -> None:
    assert [(share.cluster, share.weight) for share in shares(targets)] == divided


def test_huge_weights_keep_their_relation_within_envoy_s_limit() -> None:
    made = shares((target("v1", 2**31 - 1), target("v2", 2**31 - 1), target("v3", 2)))
    assert sum(share.weight for share in made) < 2**32
    assert [share.weight for share in made] == [2**30 - 1, 2**30 - 1, 1]
