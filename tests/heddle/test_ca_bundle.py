"""`caBundle` is kept, and nothing else."""

import base64
import copy
from collections.abc import Mapping, Sequence

from heddle.ca_bundle import CaBundles
from sources.errors import ApiError
from tests.webhook.patches import applied

API = "/apis/admissionregistration.k8s.io/v1"
INJECTOR = f"{API}/mutatingwebhookconfigurations/heddle-sidecar-injector"
VALIDATOR = f"{API}/validatingwebhookconfigurations/heddle-validator"
TAG = f"{API}/mutatingwebhookconfigurations/heddle-revision-tag-prod.canary"


class FakeConfigurations:
    """The configurations of a cluster, by path."""

    def __init__(self, found: Mapping[str, Mapping[str, object]]) -> None:
        self.found = dict(found)
        self.patches = 0
        self.fails: int | None = None

    async def get(self, path: str) -> Mapping[str, object]:
        if self.fails is not None:
            raise ApiError("no", self.fails)
        if path not in self.found:
            raise ApiError("no such object", 404)
        return copy.deepcopy(self.found[path])

    async def json_patch(
        self, path: str, steps: Sequence[Mapping[str, object]]
    ) -> Mapping[str, object]:
        self.patches += 1
        tests = [step for step in steps if step["op"] == "test"]
        for step in tests:
            *_, index, _ = str(step["path"]).split("/")
            webhooks = self.found[path]["webhooks"]
            assert isinstance(webhooks, list)
            if webhooks[int(index)]["name"] != step["value"]:
                raise ApiError("the test failed", 422)
        done = applied(self.found[path], [dict(s) for s in steps if s["op"] != "test"])
        assert isinstance(done, dict)
        self.found[path] = done
        return done


def configuration(*names: str, **metadata: object) -> dict[str, object]:
    webhooks = [
        {"name": name, "clientConfig": {"service": {"name": "heddle"}}, "failurePolicy": "Fail"}
        for name in names
    ]
    return {"metadata": {"name": "x", **metadata}, "webhooks": webhooks}


def with_bundle(item: Mapping[str, object], roots: bytes) -> dict[str, object]:
    made = copy.deepcopy(dict(item))
    webhooks = made["webhooks"]
    assert isinstance(webhooks, list)
    for webhook in webhooks:
        webhook["clientConfig"]["caBundle"] = base64.b64encode(roots).decode()
    return made


async def test_every_webhook_has_the_roots_and_nothing_else_is_other_than_before() -> None:
    api = FakeConfigurations({INJECTOR: configuration("a", "b"), VALIDATOR: configuration("v")})
    before = dict(api.found)
    await CaBundles(api, revision="default", roots=lambda: b"ROOTS").look()
    assert api.found == {path: with_bundle(item, b"ROOTS") for path, item in before.items()}


async def test_what_is_right_is_not_written_again() -> None:
    api = FakeConfigurations({INJECTOR: with_bundle(configuration("a"), b"ROOTS")})
    await CaBundles(api, revision="default", roots=lambda: b"ROOTS").look()
    assert api.patches == 0


async def test_new_roots_and_what_somebody_changed_are_written() -> None:
    api, roots = FakeConfigurations({INJECTOR: configuration("a")}), [b"ONE"]
    bundles = CaBundles(api, revision="default", roots=lambda: roots[-1])
    await bundles.look()
    roots.append(b"ONE\nTWO")
    await bundles.look()
    assert api.found[INJECTOR] == with_bundle(configuration("a"), b"ONE\nTWO")
    api.found[INJECTOR] = configuration("a")  # a new release of the chart, without the field
    await bundles.look()
    assert api.found[INJECTOR] == with_bundle(configuration("a"), b"ONE\nTWO")


async def test_what_cert_manager_keeps_is_left_to_it() -> None:
    theirs = configuration("a", annotations={"cert-manager.io/inject-ca-from": "x/y"})
    api = FakeConfigurations({INJECTOR: theirs})
    await CaBundles(api, revision="default", roots=lambda: b"ROOTS").look()
    assert api.found[INJECTOR] == theirs


async def test_a_revision_has_its_own_and_those_of_its_tags() -> None:
    validator = configuration("v")
    webhooks = validator["webhooks"]
    assert isinstance(webhooks, list)
    values = {"key": "istio.io/rev", "operator": "In", "values": ["canary", "prod"]}
    webhooks[0]["objectSelector"] = {"matchExpressions": [values]}
    api = FakeConfigurations(
        {
            f"{INJECTOR}-canary": configuration("a"),
            f"{VALIDATOR}-canary": validator,
            TAG: configuration("t"),
            INJECTOR: configuration("another's"),
        }
    )
    await CaBundles(api, revision="canary", roots=lambda: b"ROOTS").look()
    assert api.found[f"{INJECTOR}-canary"] == with_bundle(configuration("a"), b"ROOTS")
    assert api.found[TAG] == with_bundle(configuration("t"), b"ROOTS")
    assert api.found[INJECTOR] == configuration("another's")


async def test_an_api_server_that_refuses_is_asked_again_later() -> None:
    api = FakeConfigurations({INJECTOR: configuration("a")})
    bundles = CaBundles(api, revision="default", roots=lambda: b"ROOTS")
    api.fails = 503
    await bundles.look()
    api.fails = None
    await bundles.look()
    assert api.found[INJECTOR] == with_bundle(configuration("a"), b"ROOTS")
