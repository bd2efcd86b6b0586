"""The pod that a node id claims to be."""

import pytest

from heddle.identity import claimed_pod
from heddle.injection import NODE_ID


def test_the_bootstraps_own_form_is_read() -> None:
    values = {"POD_IP": "10.0.0.1", "POD_NAME": "web-1", "POD_NAMESPACE": "shop"}
    node = NODE_ID
    for name, value in values.items():
        node = node.replace(f"$({name})", value)
    assert claimed_pod(node) == ("shop", "web-1")


@pytest.mark.parametrize(
    ("node", "pod"),
    [
        ("sidecar~10.0.0.1~web.shop~shop.svc.cluster.local", ("shop", "web")),
        ("sidecar~fd00::1~web.shop~shop.svc.cluster.local", ("shop", "web")),
        # A pod's name may have dots, a namespace's may not.
        ("sidecar~10.0.0.1~web.a.b.shop~x", ("shop", "web.a.b")),
        ("router~10.0.0.1~web.shop~shop.svc.cluster.local", None),
        ("sidecar~10.0.0.1~web~shop.svc.cluster.local", None),
        ("sidecar~10.0.0.1~web.shop", None),
        ("sidecar~10.0.0.1~web.shop~a~b", None),
        ("", None),
    ],
)
def test_claims(node: str, pod: tuple[str, str] | None) -> None:
    assert claimed_pod(node) == pod
