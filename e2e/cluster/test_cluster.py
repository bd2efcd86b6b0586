"""Says, where the tests of e2e/ do not run in a cluster, why they do not."""

import os

import pytest

from e2e.cluster.mesh import obstacle


def test_the_other_tests_run_in_a_cluster_too() -> None:
    reason = obstacle(os.environ)
    if reason is not None:
        pytest.skip(reason)
