"""Who may call, and where requests go, of small meshes in YAML."""

from pathlib import Path

import pytest

from heddle.folder import read_folder
from heddle.page.graph import MOST_SERVICES, GraphView, Share, graph_view
from heddle.page.graph_elements import MOST_CALLS, elements
from heddle.page.who import May
from tests.features.shop import REVIEWS, SHOP, namespace, route, subsets, workload
from tests.meshes import authorization_policy, sidecar

WEB = "web.shop.svc.cluster.local"
V2 = workload("reviews", version="v2").partition("---")[2]
CANARY = """{name: testers, match: [{headers: {x: {exact: a}}}],
  route: [{destination: {host: reviews, subset: v2}}]},
  {route: [{destination: {host: reviews, subset: v1}, weight: 90},
  {destination: {host: reviews, subset: v2}, weight: 10}]}"""


def view(folder: Path, *texts: str, wanted: str = "", within: str = "") -> GraphView:
    (folder / "mesh.yaml").write_text("\n---\n".join((SHOP, *texts)))
    read = read_folder(folder)
    return graph_view(read.mesh, read.proxies, namespace=within, wanted=wanted)


def test_without_a_word_everybody_may_call_everything(tmp_path: Path) -> None:
    found = view(tmp_path)
    assert list(found.services) == [REVIEWS, WEB]
    assert [each.name for each in found.workloads] == ["shop/reviews v1", "shop/web v1"]
    assert {call.may for call in found.calls.values()} == {May.YES}
    assert found.summary == "2 services, 2 workloads: everybody may call everything."
    assert [(share.service, share.to, share.percent) for share in found.shares] == [
        (REVIEWS, "shop/reviews v1", 100.0),
        (WEB, "shop/web v1", 100.0),
    ]


def test_requests_are_shared_out_by_weight_and_by_rule(tmp_path: Path) -> None:
    found = view(tmp_path, V2, subsets("reviews", "v1", "v2"), route("reviews", CANARY))
    assert [share for share in found.shares if share.service == REVIEWS] == [
        Share(service=REVIEWS, to="shop/reviews v2", percent=100.0, subset="v2", when="testers"),
        Share(service=REVIEWS, to="shop/reviews v1", percent=90.0, subset="v1"),
        Share(service=REVIEWS, to="shop/reviews v2", percent=10.0, subset="v2"),
    ]


def test_what_is_not_there_is_shown_with_the_reason(tmp_path: Path) -> None:
    found = view(
        tmp_path, route("reviews", "{route: [{destination: {host: reviews, subset: v9}}]}")
    )
    (share,) = (share for share in found.shares if share.service == REVIEWS)
    assert "v9" in share.missing
    nodes = [each["data"] for each in elements(found) if each["group"] == "nodes"]
    assert "missing" in [node["kind"] for node in nodes if isinstance(node, dict)]


def test_requests_may_go_to_another_service(tmp_path: Path) -> None:
    found = view(tmp_path, route("reviews", "{route: [{destination: {host: web}}]}"))
    (share,) = (share for share in found.shares if share.service == REVIEWS)
    assert share.to == "shop/web v1"


def test_a_policy_keeps_callers_away_and_is_named(tmp_path: Path) -> None:
    web = "rules: [{from: [{source: {serviceAccounts: [web]}}]}]"
    allow = f"{{selector: {{matchLabels: {{app: reviews}}}}, {web}}}"
    found = view(tmp_path, authorization_policy("only-web", allow))
    kept = found.calls["shop/reviews v1", REVIEWS]
    assert kept.may is May.NO
    assert kept.policy is not None
    assert kept.policy.name == "only-web"
    assert found.calls["shop/web v1", REVIEWS].may is May.YES
    assert found.summary == "2 services, 2 workloads: 1 of 4 pairs is restricted."
    edges = [str(each["data"]) for each in elements(found) if each["group"] == "edges"]
    assert not [edge for edge in edges if "call shop/reviews v1 reviews" in edge]


def test_a_sidecar_hides_hosts(tmp_path: Path) -> None:
    selector = "workloadSelector: {labels: {app: web}}"
    spec = f"{{{selector}, egress: [{{hosts: ['./{WEB}']}}]}}"
    found = view(tmp_path, sidecar("web", spec))
    assert found.calls["shop/web v1", REVIEWS].may is May.HIDDEN
    assert found.calls["shop/reviews v1", REVIEWS].may is May.YES


@pytest.mark.parametrize(
    ("wanted", "within", "services"),
    [("WEB", "", [WEB]), ("", "shop", [REVIEWS, WEB]), ("", "other", []), ("none", "", [])],
)
def test_a_filter_leaves_what_fits(
    tmp_path: Path, wanted: str, within: str, services: list[str]
) -> None:
    assert list(view(tmp_path, wanted=wanted, within=within).services) == services


def test_more_than_can_be_drawn_is_cut_and_says_so(tmp_path: Path) -> None:
    plain = "\n---\n".join(
        f"apiVersion: v1\nkind: Service\nmetadata: {{name: s{n}, namespace: shop}}\n"
        "spec: {ports: [{port: 80}]}"
        for n in range(MOST_SERVICES + 1)
    )
    found = view(tmp_path, plain)
    assert found.cut
    assert len(found.services) == MOST_SERVICES


def test_of_too_many_lines_those_to_guarded_services_are_drawn(tmp_path: Path) -> None:
    allow = (
        "{selector: {matchLabels: {app: web}}, rules: [{from: [{source: {namespaces: [shop]}}]}]}"
    )
    others = [namespace("far"), *(workload(f"w{n}", "far") for n in range(12))]
    found = view(tmp_path, *others, authorization_policy("near", allow))
    assert len(found.calls) > MOST_CALLS
    edges = [each["data"] for each in elements(found) if each["group"] == "edges"]
    calls = [e for e in edges if isinstance(e, dict) and str(e["id"]).startswith("call ")]
    assert {edge["target"] for edge in calls} == {WEB}
    assert {edge["source"] for edge in calls} == {"from shop/reviews v1", "from shop/web v1"}


def test_every_line_leads_from_a_node_to_a_node(tmp_path: Path) -> None:
    found = view(tmp_path, V2, subsets("reviews", "v1", "v2"), route("reviews", CANARY))
    drawn = [each["data"] for each in elements(found)]
    ids = [each["id"] for each in drawn if isinstance(each, dict)]
    assert len(ids) == len(set(ids))
    ends = [
        each[end]
        for each in drawn
        if isinstance(each, dict) and "source" in each
        for end in ("source", "target")
    ]
    assert ends
    assert set(ends) <= set(ids)
