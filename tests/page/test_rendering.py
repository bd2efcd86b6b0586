"""What templates make of names that others chose, and of addresses."""

import json
from html.parser import HTMLParser

import pytest

from analysis import istio_codes as istio
from analysis.message import finding
from crds.meta import Key, Origin
from heddle.conditions import TYPES, Facts
from heddle.demo.mesh_handle import ProxyState
from heddle.liveness import Live, Rejected
from heddle.page.ages import Now
from heddle.page.certificates import Certificate
from heddle.page.config import Fragment, Health, Known, ObjectView, config_view, entry
from heddle.page.explain import Asked
from heddle.page.graph import Call, GraphView, Share, Workload
from heddle.page.graph_elements import elements
from heddle.page.proxy import proxy_view, resource_view
from heddle.page.rendering import HEADERS, VIEWS, Templates, object_url, place, within
from heddle.page.sync import COLUMNS, SyncView, connected, sync_view
from heddle.page.who import May
from heddle.proxies.comparison import Agreement, Compared
from mesh.proxy import Proxy
from tests.heddle import holding
from xds.containment import Quarantined
from xds.types import LDS

HOSTILE = """"><script>alert(1)</script><img src=x onerror='alert(2)'>{{ 7 * 7 }}"""


NAMES = ("sync", "config", "object", "explain", "graph", "proxies", "proxy", "resource", "missing")


class Elements(HTMLParser):
    """The names and attributes of all elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def pages() -> dict[str, str]:
    """Every page, of a mesh in which all that a user may choose is hostile."""
    about = Key("networking.istio.io", HOSTILE, HOSTILE, HOSTILE)
    standing = Rejected(pods=(HOSTILE,), proxies=1, users=1, resource=HOSTILE, words=HOSTILE)
    facts = Facts(generation=1, standing=standing)
    known = Known(key=about, facts=facts, origin=Origin(HOSTILE, 1, 1))
    said = finding(
        istio.REFERENCED_RESOURCE_NOT_FOUND, about, HOSTILE, HOSTILE, value=HOSTILE, remedy=HOSTILE
    ).at(known.origin)
    loose = finding(istio.REFERENCED_RESOURCE_NOT_FOUND, None, HOSTILE, HOSTILE)
    kept = Quarantined(type_url=LDS, name=HOSTILE, version="v", message=HOSTILE)
    client = holding.client(1, "web", holding.State(LDS, rejected=True, quarantined=[kept]))
    sidecar = Proxy(namespace=HOSTILE, name=HOSTILE, labels={}, service_account="a")
    proxies = [sidecar, Proxy(namespace="shop", name="web", labels={}, service_account="a")]
    sync = sync_view(proxies, connected([client.status()]), 1, Now(wall=1.0, steady=1.0), only="")
    config = config_view([known], [said, loose])
    fragment = Fragment(
        type="CDS", name=HOSTILE, version="v", proxies=[HOSTILE], count=20, text=HOSTILE
    )
    one = ObjectView(entry=entry(known, [said]), fragments=[fragment], more=1)
    workload = Workload(
        namespace=HOSTILE, app=HOSTILE, version=HOSTILE, is_gateway=True, mutual_tls="x", pods=1
    )
    different = Compared(
        kind="cluster",
        name=HOSTILE,
        agreement=Agreement.DIFFERS,
        accepted=False,
        words=HOSTILE,
        version=HOSTILE,
        desired={HOSTILE: HOSTILE},
        live={HOSTILE: [HOSTILE]},
    )
    shows = Certificate(
        use="shows", identity=HOSTILE, serial=HOSTILE, until=HOSTILE, left=HOSTILE, percent=7
    )
    proxy = proxy_view(
        namespace=HOSTILE,
        name=HOSTILE,
        is_gateway=True,
        compared=[different],
        silence=HOSTILE,
        certificates=[shows],
    )
    resource = resource_view(HOSTILE, [different], "cluster", HOSTILE)
    place = {"object": HOSTILE, "path": HOSTILE, "file": HOSTILE, "line": 1}
    step = {
        "at": HOSTILE,
        "name": HOSTILE,
        "says": HOSTILE,
        "ok": False,
        "causes": [place],
        "problems": [{**place, "severity": "error", "message": HOSTILE}],
    }
    graph = GraphView(
        workloads=[workload],
        services=[HOSTILE],
        calls={
            (workload.name, HOSTILE): Call(
                caller=workload.name, service=HOSTILE, may=May.DEPENDS, policy=about
            )
        },
        shares=[
            Share(service=HOSTILE, to=HOSTILE, percent=1.0, subset=HOSTILE, when=HOSTILE),
            Share(service=HOSTILE, to=HOSTILE, percent=1.0, missing=HOSTILE),
        ],
        wanted=HOSTILE,
    )
    render = Templates(HOSTILE).render
    shared = {"namespace": HOSTILE, "swapped": False}
    return {
        "sync": render(
            "sync.html", here="/sync", view=sync, states=[*ProxyState], columns=COLUMNS, **shared
        ),
        "config": render(
            "config.html",
            here="/config",
            view=config,
            states=[*Health],
            condition_types=TYPES,
            **shared,
        ),
        "object": render("object.html", here="/config", view=one, **shared),
        "explain": render(
            "explain.html",
            here="/explain",
            asked=Asked(
                source=HOSTILE, url=HOSTILE, method=HOSTILE, headers=HOSTILE, fault=HOSTILE
            ),
            answer={
                "from": HOSTILE,
                "to": HOSTILE,
                "ok": True,
                "verdict": HOSTILE,
                "steps": [step],
            },
            callers=[HOSTILE],
            **shared,
        ),
        "graph": render(
            "graph.html", here="/graph", view=graph, elements=json.dumps(elements(graph)), **shared
        ),
        "proxies": render("proxies.html", here="/proxy", proxies=[HOSTILE], **shared),
        "proxy": render("proxy.html", here="/proxy", view=proxy, **shared),
        "resource": render("resource.html", here="/proxy", view=resource, **shared),
        "missing": render("missing.html", here="/config", what=HOSTILE, **shared),
    }


@pytest.fixture(scope="module")
def rendered() -> dict[str, str]:
    return pages()


@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_a_user_writes_becomes_markup(rendered: dict[str, str], name: str) -> None:
    text = rendered[name]
    elements = Elements(text).found
    assert "&lt;script&gt;" in text
    assert "49" not in text
    assert not [tag for tag, _ in elements if tag in ("img", "iframe", "object", "style")]
    for tag, attributes in elements:
        assert not [each for each in attributes if each.startswith("on") or each == "style"]
        if tag == "script":
            assert str(attributes["src"]).startswith("/static/")
    assert text.count("<script") == text.count('<script src="/static/')


@pytest.mark.parametrize("name", NAMES)
def test_no_link_leads_elsewhere(rendered: dict[str, str], name: str) -> None:
    links = [
        str(attributes[each])
        for _, attributes in Elements(rendered[name]).found
        for each in ("href", "src", "action", "hx-get", "sse-connect")
        if each in attributes
    ]
    assert len(links) > len(VIEWS)
    assert not [link for link in links if not link.startswith(("/", "#")) or link.startswith("//")]


def test_the_policy_lets_nothing_inline_run() -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "http" not in policy


@pytest.mark.parametrize(
    ("origin", "shown"),
    [
        (Origin("/mesh/a/b.yaml", 2, 7), "a/b.yaml:7"),
        (Origin("/mesh/a.yaml"), "a.yaml"),
        (Origin("/meshes/a.yaml", 1, 1), "/meshes/a.yaml:1"),
        (Origin("/mesh/a\n.yaml", 1, 1), "a\\n.yaml:1"),
    ],
)
def test_a_place_is_told_from_the_folder_on(origin: Origin, shown: str) -> None:
    assert place(origin, "/mesh") == shown
    assert place(origin, "/mesh/") == shown


def test_addresses_keep_to_the_namespace_that_one_may_see() -> None:
    assert within("/sync", "") == "/sync"
    assert within("/sync", "a&b") == "/sync?namespace=a%26b"
    found = object_url(Key("g", "K", "shop", "a/b?c"), "shop")
    assert found == "/config/object?group=g&kind=K&of=shop&name=a%2Fb%3Fc&namespace=shop"


def test_an_object_that_is_live_says_so() -> None:
    about = Key("networking.istio.io", "VirtualService", "shop", "web")
    known = Known(key=about, facts=Facts(generation=1, standing=Live(used=True)))
    text = Templates("x").render(
        "object.html",
        here="/config",
        namespace="",
        view=ObjectView(entry=entry(known, []), fragments=[]),
    )
    assert "Programmed" in text
    assert "No connected proxy holds anything that it has a part in." in text


@pytest.mark.parametrize("replica", ["", "heddle-0"])
def test_one_of_several_replicas_says_so(replica: str) -> None:
    """For it knows nothing of proxies that others hold."""
    text = Templates("x", replica).render(
        "sync.html",
        here="/sync",
        namespace="",
        swapped=False,
        view=SyncView(generation=1, rows=(), total=0, counts=dict.fromkeys(ProxyState, 0)),
        states=[*ProxyState],
        columns=COLUMNS,
    )
    assert ("heddle-0" in text) == bool(replica)
    assert ("heddle proxy-status" in text) == bool(replica)
