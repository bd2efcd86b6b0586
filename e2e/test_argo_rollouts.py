"""A Rollout of Argo Rollouts goes through its steps under load: no request fails, and nothing that
it writes is complained about.
"""

from collections.abc import Iterator

import pytest

from e2e.argo_rollouts import NEW, OLD, Rollout
from e2e.mesh import Mesh

URL = "http://rollout:8080/"
CANARY = {"x-canary": "yes"}
MANY = 40
"""Of two versions with a half each, both have answered then but once in 10^11 times."""


@pytest.fixture(params=["services", "subsets"])
def installed(request: pytest.FixtureRequest) -> Rollout:
    """As Argo Rollouts leaves it when the first ReplicaSet is there."""
    hashes = {"stable_hash": OLD, "canary_hash": OLD}
    return Rollout(subsets=request.param == "subsets").to(**hashes)


class Controller:
    """Writes one update after the other, and looks whether any of them is found fault with: that a
    Service has no pods is nothing that it wrote.
    """

    def __init__(self, mesh: Mesh, rollout: Rollout) -> None:
        self._mesh = mesh
        self.now = rollout
        mesh.apply(Rollout(subsets=rollout.subsets).text())  # before the first reconciliation
        self.write()

    def write(self, **changes: object) -> None:
        self.now = self.now.to(**changes)
        self._mesh.apply(self.now.text())
        problems = self._mesh.problems()
        assert [each for each in problems if " Service e2e/rollout" not in each] == []

    def promote(self) -> None:
        """What was the canary is stable now. Services are written before routes, subsets after."""
        if self.now.subsets:
            self.write(header=False, mirror=False)
            self.write(stable_hash=NEW)
        else:
            self.write(stable_hash=NEW)
            self.write(header=False, mirror=False)
        self.write(weight=0)
        self.write(old=False)


def versions(mesh: Mesh, *, path: str = "", headers: dict[str, str] | None = None) -> set[str]:
    return {answer.seen.version for answer in mesh.repeat(URL + path, MANY, headers)}


def steps(controller: Controller, mesh: Mesh) -> Iterator[str]:
    """A canary with all kinds of steps; between them, what a user would see."""
    yield from versions(mesh)
    controller.write(new=True)
    controller.write(canary_hash=NEW)
    assert versions(mesh) == {"old"}
    controller.write(header=True)
    assert versions(mesh, headers=CANARY) == {"new"}
    controller.write(mirror=True)
    name = mesh.name()
    assert mesh.get(f"{URL}mirrored", {"x-echo-id": name}).seen.version == "old"
    assert mesh.get(f"{URL}seen?id={name}&count=1", CANARY).text.count('"path"') == 1
    for weight in (10, 25, 50):
        controller.write(weight=weight)
    assert versions(mesh) == versions(mesh, path="mirrored") == {"old", "new"}
    controller.write(mirror=False)
    controller.write(experiment=20)
    controller.write(experiment=0)
    controller.write(weight=100)
    yield from versions(mesh)


def test_a_canary_is_promoted_without_a_failed_request(mesh: Mesh, installed: Rollout) -> None:
    controller = Controller(mesh, installed)
    with mesh.load(URL, rate=100) as counts:
        assert list(steps(controller, mesh)) == ["old", "new"]
        controller.promote()
    assert counts.failures == {}
    assert set(counts.versions) == {"old", "new"}
    assert versions(mesh) == versions(mesh, headers=CANARY) == {"new"}


def test_an_aborted_canary_fails_no_request(mesh: Mesh, installed: Rollout) -> None:
    """The managed routes go first, then the weight, then the pods."""
    controller = Controller(mesh, installed)
    with mesh.load(URL, rate=100) as counts:
        controller.write(new=True)
        controller.write(canary_hash=NEW)
        controller.write(header=True)
        controller.write(weight=50)
        controller.write(header=False)
        controller.write(weight=0)
        controller.write(new=False)
    assert counts.failures == {}
    assert versions(mesh) == {"old"}


def test_updates_that_come_at_once_fail_no_request(mesh: Mesh, installed: Rollout) -> None:
    """It writes the DestinationRule and the VirtualService within milliseconds of each other."""
    controller = Controller(mesh, installed)
    with mesh.load(URL, rate=100) as counts:
        controller.write(new=True)
        controller.write(canary_hash=NEW, weight=50, header=True, experiment=20)
        controller.write(stable_hash=NEW, weight=0, header=False, experiment=0)
        controller.write(old=False)
    assert counts.failures == {}
    assert versions(mesh) == {"new"}
