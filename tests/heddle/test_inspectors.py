"""Who may look at all clients."""

import pytest

from heddle.identity import PodIdentity
from heddle.inspectors import Inspectors
from mesh.identity import WorkloadIdentity
from xds.auth import Anybody


def pod(namespace: str, account: str) -> PodIdentity:
    return PodIdentity(
        WorkloadIdentity(
            namespace=namespace,
            service_account=account,
            pod_name="p",
            pod_uid="u",
            expires=0.0,
        )
    )


def test_only_pods_of_the_named_accounts_may_look() -> None:
    inspectors = Inspectors(["ops/viewer", "ops/admin"])
    assert inspectors(pod("ops", "viewer"))
    assert inspectors(pod("ops", "admin"))
    assert not inspectors(pod("shop", "viewer"))
    assert not inspectors(pod("ops", "default"))
    assert not inspectors(Anybody(name="ops/viewer"))


def test_by_default_nobody_may() -> None:
    assert not Inspectors([])(pod("ops", "viewer"))


@pytest.mark.parametrize("text", ["viewer", "/viewer", "ops/", "a/b/c", ""])
def test_anything_else_is_no_account(text: str) -> None:
    with pytest.raises(ValueError, match="NAMESPACE/SERVICE_ACCOUNT"):
        Inspectors([text])
