"""What each check makes of what it reads, as tables."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from ca.authority import new_root, pem
from heddle.authority_secret import ROOT_FILE
from heddle.check.api_server import judge_clock, judge_node_clocks, judge_version
from heddle.check.certificates import judge_copies, judge_signer, roots_of, worst
from heddle.check.control_plane import judge_endpoints, judge_leaders, judge_replicas
from heddle.check.control_plane import judge_version as judge_release
from heddle.check.kinds import judge_established, judge_owners, judge_status, judge_versions, wanted
from heddle.check.verdict import Grade
from heddle.check.webhooks import judge_no_pod, judge_refusal
from sources.errors import ApiError

OK, SKIPPED, WARNING, FAILED = Grade.OK, Grade.SKIPPED, Grade.WARNING, Grade.FAILED
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DATE = "Sat, 21 Nov 2026 12:00:00 GMT"
Raw = Mapping[str, object]


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("version", "grade"),
    [
        ({"major": "1", "minor": "30"}, OK),
        ({"major": "1", "minor": "33+"}, OK),
        ({"major": "2", "minor": "0"}, OK),
        ({"major": "1", "minor": "29"}, FAILED),
        ({"major": "", "minor": ""}, SKIPPED),
        ({}, SKIPPED),
    ],
)
def test_the_version_of_kubernetes(version: Raw, grade: Grade) -> None:
    assert judge_version(version).grade is grade


@pytest.mark.parametrize(
    ("asked", "answered", "date", "grade", "words"),
    [
        (0.2, 0.4, DATE, OK, ""),
        (-3.0, 3.0, DATE, OK, ""),  # a slow answer
        (30.0, 30.1, DATE, WARNING, "29 s ahead"),
        (-30.0, -29.0, DATE, WARNING, "29 s behind"),
        (7200.0, 7200.0, DATE, FAILED, "7199 s ahead"),
        (-7200.0, -7200.0, DATE, FAILED, "7200 s behind"),
        (0.0, 0.0, "", SKIPPED, "no date"),
        (0.0, 0.0, "yesterday", SKIPPED, "no date"),
    ],
)
def test_the_clock_of_the_api_server(
    asked: float, answered: float, date: str, grade: Grade, words: str
) -> None:
    verdict = judge_clock(at(asked), at(answered), date)
    assert verdict.grade is grade
    assert words in " ".join(verdict.findings)


def node_lease(ahead: float, *, field: str = "f:renewTime") -> Raw:
    taken = {"time": "2026-11-21T12:00:00Z", "fieldsV1": {"f:spec": {field: {}}}}
    renewed = at(ahead).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {"metadata": {"managedFields": [taken]}, "spec": {"renewTime": renewed}}


@pytest.mark.parametrize(
    ("lease", "grade"),
    [
        (node_lease(1.0), OK),
        (node_lease(-20.0), WARNING),
        (node_lease(600.0), FAILED),
        (node_lease(600.0, field="f:holderIdentity"), OK),  # no renewal: it may be old
        ({}, OK),
    ],
)
def test_the_clock_of_a_node(lease: Raw, grade: Grade) -> None:
    assert judge_node_clocks({"node-1": lease}).grade is grade


def definition(name: str, **changed: object) -> Raw:
    versions = [
        {
            "name": version,
            "served": True,
            "subresources": {"status": {}},
            "additionalPrinterColumns": [{"jsonPath": ".status.conditions[0]"}],
            **changed,
        }
        for version in wanted()[name]
    ]
    said = [{"type": kind, "status": "True"} for kind in ("Established", "NamesAccepted")]
    labels = {"app.kubernetes.io/part-of": "heddle"}
    metadata = {"name": name, "labels": labels}
    return {"metadata": metadata, "spec": {"versions": versions}, "status": {"conditions": said}}


GATEWAYS = "gateways.networking.istio.io"
GOOD = definition(GATEWAYS)


def test_a_good_definition_is_well() -> None:
    there = {GATEWAYS: GOOD}
    for judge in (judge_established, judge_versions, judge_status, judge_owners):
        assert judge(there).grade is OK, judge


def test_a_definition_that_is_not_taken_fails_with_the_api_server_s_words() -> None:
    why = {"type": "NamesAccepted", "status": "False", "message": "gw is taken"}
    verdict = judge_established({GATEWAYS: {**GOOD, "status": {"conditions": [why]}}})
    assert verdict.grade is FAILED
    assert any("gw is taken" in each for each in verdict.findings)
    assert any("Established" in each for each in verdict.findings)


@pytest.mark.parametrize(("missing", "grade"), [("v1alpha3", WARNING), ("v1", FAILED)])
def test_a_version_that_is_not_served(missing: str, grade: Grade) -> None:
    versions = [{"name": each, "served": each != missing} for each in wanted()[GATEWAYS]]
    assert judge_versions({GATEWAYS: {"spec": {"versions": versions}}}).grade is grade


def test_a_definition_of_istio_has_a_status_that_is_not_shown() -> None:
    theirs = definition(GATEWAYS, additionalPrinterColumns=[{"jsonPath": ".spec.hosts"}])
    assert judge_status({GATEWAYS: theirs}).grade is WARNING
    assert judge_status({GATEWAYS: definition(GATEWAYS, subresources={})}).grade is FAILED
    assert judge_owners({GATEWAYS: {**theirs, "metadata": {"name": GATEWAYS}}}).grade is WARNING


def deployment(wanted: object, ready: int, updated: int = 2) -> Raw:
    status = {"readyReplicas": ready, "updatedReplicas": updated}
    return {"spec": {"replicas": wanted}, "status": status}


@pytest.mark.parametrize(
    ("given", "grade"),
    [
        (deployment(2, 2), OK),
        (deployment(2, 1), WARNING),
        (deployment(2, 2, updated=1), WARNING),
        (deployment(1, 1, updated=1), WARNING),
        (deployment(2, 0), FAILED),
        ({}, FAILED),
    ],
)
def test_replicas(given: Raw, grade: Grade) -> None:
    assert judge_replicas(given).grade is grade


def endpoints(service: str, **conditions: bool) -> Raw:
    endpoint = {"addresses": ["10.0.0.1"], "conditions": conditions}
    labels = {"kubernetes.io/service-name": service}
    return {"metadata": {"labels": labels}, "endpoints": [endpoint]}


@pytest.mark.parametrize(
    ("slices", "grade"),
    [
        ([endpoints("heddle", ready=True)], OK),
        ([endpoints("heddle")], OK),  # an unknown condition counts as ready, as in Kubernetes
        ([endpoints("heddle", ready=False)], FAILED),
        ([endpoints("other", ready=True)], FAILED),
        ([{**endpoints("heddle"), "endpoints": [{"addresses": None}]}], FAILED),
        ([], FAILED),
    ],
)
def test_endpoints(slices: list[Raw], grade: Grade) -> None:
    assert judge_endpoints("heddle", slices).grade is grade


def held(ago: float, holder: str = "a") -> Raw:
    renewed = at(-ago).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    spec = {"holderIdentity": holder, "renewTime": renewed, "leaseDurationSeconds": 15}
    return {"spec": spec}


@pytest.mark.parametrize(
    ("leases", "grade"),
    [
        ({"lease": held(2.0)}, OK),
        ({"lease": held(50.0)}, OK),  # by clocks that differ
        ({"lease": held(90.0)}, FAILED),
        ({"lease": held(2.0, "")}, FAILED),
        ({"lease": {"spec": {"holderIdentity": "a"}}}, FAILED),
        ({}, FAILED),
    ],
)
def test_leaders(leases: dict[str, Raw], grade: Grade) -> None:
    assert judge_leaders(leases, {"lease": "nobody does it"}, NOW).grade is grade


@pytest.mark.parametrize(
    ("images", "grade"),
    [
        (["heddle/heddle:0.1.0"], OK),
        (["heddle/heddle:v0.1.0@sha256:00"], OK),
        (["localhost:5000/heddle:0.2.0"], WARNING),
        (["heddle/heddle:latest"], SKIPPED),
        ([], SKIPPED),
    ],
)
def test_the_release_of_the_control_plane(images: list[str], grade: Grade) -> None:
    assert judge_release(images, "0.1.0").grade is grade


def a_root(made: datetime) -> x509.Certificate:
    return new_root(made, "cluster.local").root


ROOT = a_root(NOW - timedelta(days=90))
PEM = pem([ROOT])


@pytest.mark.parametrize(
    ("text", "left", "failures", "warnings"),
    [
        (PEM, 0.9, 0, 0),
        (PEM, 0.19, 0, 1),
        (PEM, 0.001, 0, 1),
        (PEM, -0.1, 1, 0),
        (PEM, 1.1, 1, 0),
        (b"", 0.5, 1, 0),
        (b"-----BEGIN", 0.5, 1, 0),
    ],
)
def test_a_certificate_by_what_is_left_of_its_life(
    text: bytes, left: float, failures: int, warnings: int
) -> None:
    life = ROOT.not_valid_after_utc - ROOT.not_valid_before_utc
    found = worst(text, ROOT.not_valid_after_utc - left * life)
    assert (len(found.failures), len(found.warnings)) == (failures, warnings)


def test_one_good_root_is_enough() -> None:
    new = a_root(ROOT.not_valid_after_utc - timedelta(days=1))
    found = worst(pem([ROOT, new]), ROOT.not_valid_after_utc + timedelta(days=1))
    assert not found.failures
    assert len(found.warnings) == 1


def config_map(text: bytes) -> Raw:
    return {"data": {ROOT_FILE: text.decode()}}


def test_roots_of_a_namespace_are_compared_as_certificates() -> None:
    other = pem([a_root(NOW)])
    system = {"heddle-system": config_map(PEM)}
    assert (
        judge_copies({**system, "shop": config_map(b"# ours\n" + PEM)}, "heddle-system").grade is OK
    )
    assert judge_copies({**system, "shop": config_map(other)}, "heddle-system").grade is FAILED
    assert judge_copies({"shop": config_map(PEM)}, "heddle-system").grade is SKIPPED
    assert roots_of(None) is None


@pytest.mark.parametrize(
    ("data", "grade"),
    [({"ca-key.pem": "a2V5"}, FAILED), ({"ca-cert.pem": "?"}, FAILED), ({}, FAILED)],
)
def test_a_secret_without_a_certificate(data: Raw, grade: Grade) -> None:
    assert judge_signer({"data": data}, NOW).grade is grade


@pytest.mark.parametrize(
    ("status", "grade"), [(422, OK), (403, SKIPPED), (500, FAILED), (400, FAILED), (None, FAILED)]
)
def test_what_the_api_server_says_of_a_wrong_object(status: int | None, grade: Grade) -> None:
    assert judge_refusal(ApiError("no", status)).grade is grade


@pytest.mark.parametrize(
    ("status", "grade"), [(403, SKIPPED), (500, FAILED), (422, FAILED), (None, FAILED)]
)
def test_what_the_api_server_says_of_a_pod(status: int | None, grade: Grade) -> None:
    assert judge_no_pod(ApiError("no", status), "shop").grade is grade
