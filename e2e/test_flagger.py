"""Flagger leads a new version in under load: no request fails, and nothing that it writes is
complained about.
"""

from e2e.flagger import COOKIE, Analysis, Canary
from e2e.mesh import Mesh

URL = "http://flag:8080/"
INSIDER = {"x-canary": "insider"}
MANY = 40
"""Of two versions with a half each, both have answered then but once in 10^11 times."""
VISITED = {"cookie": f"theme=dark; {COOKIE}"}


class Flagger:
    """Writes one update after the other, and looks whether any of them is found fault with: that a
    Service has no pods, for the canary is scaled to none, is nothing that it wrote.
    """

    def __init__(self, mesh: Mesh, analysis: Analysis) -> None:
        self._mesh = mesh
        self.now = Canary(analysis=analysis)
        self.write()

    def write(self, **changes: object) -> None:
        self.now = self.now.to(**changes)
        self._mesh.apply(self.now.text())
        problems = self._mesh.problems()
        assert [each for each in problems if " Service e2e/flag" not in each] == []

    def promote(self) -> None:
        """The primary becomes what the canary is, then has all traffic; then the canary goes."""
        self.write(primary=self.now.canary)
        self.write(weight=0, mirror=0, ended=True)
        self.write(canary=None)


def versions(mesh: Mesh, headers: dict[str, str] | None = None) -> set[str]:
    return {answer.seen.version for answer in mesh.repeat(URL, MANY, headers)}


def test_weights_lead_a_version_in(mesh: Mesh) -> None:
    flagger = Flagger(mesh, Analysis.WEIGHTS)
    with mesh.load(URL, rate=100) as counts:
        flagger.write(canary="two")
        flagger.write(mirror=100)
        name = mesh.name()
        assert mesh.get(URL, {"x-echo-id": name}).seen.version == "one"
        assert [seen.version for seen in mesh.received("flag-canary", name, 1)] == ["two"]
        flagger.write(mirror=0, weight=10)
        for weight in (30, 50):
            flagger.write(weight=weight)
        assert versions(mesh) == {"one", "two"}
        flagger.promote()
    assert counts.failures == {}
    assert set(counts.versions) == {"one", "two"}
    assert versions(mesh) == {"two"}


def test_a_rollback_goes_back_at_once(mesh: Mesh) -> None:
    flagger = Flagger(mesh, Analysis.WEIGHTS)
    with mesh.load(URL, rate=100) as counts:
        flagger.write(canary="two")
        flagger.write(weight=50)
        flagger.write(weight=0)
        flagger.write(canary=None)
    assert counts.failures == {}
    assert versions(mesh) == {"one"}


def test_an_a_b_test_is_for_whom_it_matches(mesh: Mesh) -> None:
    """Everybody else goes to the one destination that there is, whatever its weight."""
    flagger = Flagger(mesh, Analysis.MATCH)
    with mesh.load(URL, rate=100) as counts:
        flagger.write(canary="two")
        flagger.write(weight=100)
        assert versions(mesh) == {"one"}
        assert versions(mesh, INSIDER) == {"two"}
        flagger.promote()
    assert counts.failures == {}
    assert versions(mesh) == versions(mesh, INSIDER) == {"two"}


def test_who_has_seen_the_canary_stays_there(mesh: Mesh) -> None:
    flagger = Flagger(mesh, Analysis.SESSIONS)
    with mesh.load(URL, rate=100) as counts:
        flagger.write(canary="two")
        flagger.write(weight=30)
        answers = mesh.repeat(URL, 40)
        cookies = {answer.seen.version: answer.headers.get("set-cookie") for answer in answers}
        assert cookies == {"one": None, "two": f"{COOKIE}; Max-Age=86400"}
        assert versions(mesh, VISITED) == {"two"}
        flagger.promote()
    assert counts.failures == {}
    assert mesh.get(URL, VISITED).headers["set-cookie"] == f"{COOKIE}; Max-Age=-1"
