"""What is said of a mesh on this machine."""

from collections.abc import Mapping

import pytest

from heddle.check.run import look_here
from heddle.check.this_machine import look_around
from heddle.check.verdict import Grade
from heddle.debug.addresses import STATUS
from tests.heddle.check.looked import NOW
from tests.heddle.check.test_command import called

GOOD = "2026-11-21T06:00:00Z", "2026-11-22T06:00:00Z"
LATE = "2026-11-20T13:00:00Z", "2026-11-21T13:00:00Z"
OVER = "2026-11-19T06:00:00Z", "2026-11-20T06:00:00Z"
VERSION = "0123abcd/1.38.1/Clean/RELEASE/BoringSSL"


def certificate(life: tuple[str, str]) -> Mapping[str, object]:
    return {"serial_number": "1", "valid_from": life[0], "expiration_time": life[1]}


def proxy(name: str = "web.shop", **said: object) -> Mapping[str, object]:
    return {"proxy": name, "connected": True, "rejected": [], "ages": {}, **said}


class Plane:
    """Answers with these proxies, all of which run this Envoy and have these certificates."""

    def __init__(
        self,
        *proxies: Mapping[str, object],
        version: str = VERSION,
        shows: tuple[str, str] = GOOD,
        trusts: tuple[str, str] = GOOD,
    ) -> None:
        certs = [{"cert_chain": [certificate(shows)], "ca_cert": [certificate(trusts)]}]
        self._said: Mapping[str, object] = {
            STATUS: list(proxies),
            "/debug/envoy/server_info": {"version": version},
            "/debug/envoy/certs": {"certificates": certs},
        }

    async def json(self, path: str, query: Mapping[str, str] | None = None) -> object:
        assert (query is None) == (path == STATUS)
        return self._said[path]


async def judged(plane: Plane) -> dict[str, tuple[Grade, str]]:
    """The grade of each check, and what was found."""

    results = look_here(await look_around(plane, NOW))
    return {
        each.check.anchor: (each.verdict.grade, "; ".join(each.verdict.findings))
        for each in results
    }


async def test_a_mesh_that_is_well() -> None:
    found = await judged(Plane(proxy(), proxy("client.shop")))
    assert {name: grade for name, (grade, _) in found.items()} == {
        "roots-valid": Grade.OK,
        "certificates-renewed": Grade.OK,
        "proxies-ready": Grade.OK,
        "proxies-synced": Grade.OK,
        "envoy-supported": Grade.OK,
    }


REJECTED = {"resource": "virtualInbound", "reason": "no such filter"}


@pytest.mark.parametrize(
    ("plane", "anchor", "grade", "says"),
    [
        (Plane(), "proxies-ready", Grade.SKIPPED, "no pod has a proxy"),
        (Plane(), "certificates-renewed", Grade.SKIPPED, "no proxy shows a certificate"),
        (
            Plane(proxy(connected=False)),
            "proxies-ready",
            Grade.FAILED,
            "the proxy of web.shop is not connected",
        ),
        (
            Plane(proxy(rejected=[REJECTED])),
            "proxies-synced",
            Grade.FAILED,
            "web.shop rejects virtualInbound: no such filter",
        ),
        (
            Plane(proxy(ages={"lds": "42 s"})),
            "proxies-synced",
            Grade.WARNING,
            "web.shop has been behind with LDS for 42 s",
        ),
        (
            Plane(proxy(), version="0/1.30.0/Clean"),
            "envoy-supported",
            Grade.FAILED,
            "1 pods have envoy:v1.30.0, and Envoy 1.37 is the oldest that is known",
        ),
        (
            Plane(proxy(), version="own"),
            "envoy-supported",
            Grade.WARNING,
            "1 pods have envoy:vown, whose tag is no version",
        ),
        (
            Plane(proxy(), shows=LATE),
            "certificates-renewed",
            Grade.WARNING,
            "web.shop shows one that ends in 1 h, 4 % of its life",
        ),
        (
            Plane(proxy(), trusts=OVER),
            "roots-valid",
            Grade.FAILED,
            "web.shop trusts one that ended: 2026-11-20T06:00:00Z",
        ),
    ],
)
async def test_what_is_wrong(plane: Plane, anchor: str, grade: Grade, says: str) -> None:
    assert (await judged(plane))[anchor] == (grade, says)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--mesh", "/nowhere"), "no mesh of /nowhere runs here"),
        (("--mesh", "/nowhere", "--pre"), "--mesh goes with neither"),
        (("--mesh", "/nowhere", "-f", "."), "--mesh goes with neither"),
    ],
)
def test_a_mesh_that_does_not_run_is_said(arguments: tuple[str, ...], says: str) -> None:
    code, said = called(*arguments)
    assert code == 2
    assert says in said
