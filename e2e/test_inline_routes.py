"""Virtual hosts within their route configurations: requests go the same ways as with VHDS.

These are some tests of the suite; `make test-inline` runs all of them so.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from e2e import (
    test_edits_under_load,
    test_headers,
    test_match,
    test_missing_destination,
    test_outbound_policy,
    test_redirect_rewrite,
    test_retries,
    test_traffic_split,
)
from e2e.local.mesh import LocalBackend
from e2e.mesh import Mesh
from heddle.local.modes import RunMode

SOME: tuple[Callable[[Mesh], None], ...] = (
    test_edits_under_load.test_subsets_that_come_and_go,
    test_headers.test_request_headers,
    test_match.test_the_first_rule_that_matches_wins,
    test_match.test_what_no_rule_matches_is_not_found,
    test_missing_destination.test_it_is_over_once_the_subset_is_there,
    test_outbound_policy.test_registry_only_lets_through_what_a_service_entry_names,
    test_redirect_rewrite.test_a_direct_response_needs_no_server,
    test_retries.test_a_failed_request_is_sent_again_until_it_succeeds,
    test_traffic_split.test_an_edit_moves_all_requests_that_come_after_it,
)


@pytest.fixture(scope="module")
def running(envoy: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalBackend]:
    """A mesh whose control plane was told to send no virtual hosts by themselves."""
    folder = tmp_path_factory.mktemp("inline")
    backend = LocalBackend(RunMode.PROXY_PORT, envoy, folder, inline_routes=True)
    try:
        yield backend
    finally:
        backend.close()


@pytest.fixture
def inline(running: LocalBackend) -> Mesh:
    """It, without anything that another test has applied."""
    mesh = Mesh(running)
    mesh.apply("")
    return mesh


@pytest.mark.parametrize("test", SOME, ids=lambda test: test.__name__)
def test_requests_go_the_same_ways(inline: Mesh, test: Callable[[Mesh], None]) -> None:
    test(inline)


def test_no_virtual_host_travels_by_itself(inline: Mesh, running: LocalBackend) -> None:
    """Else these tests would say nothing."""
    inline.apply("")
    kinds = running.kinds()
    assert {kind for proxy in kinds.values() for kind in proxy} == {
        "cds",
        "eds",
        "lds",
        "rds",
        "sds",
    }
