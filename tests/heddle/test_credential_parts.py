"""The certificates that rules name, kept up to date at every step: no more and no less than what a
look at everything gives.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crds.mesh_config import DEFAULT_MESH_CONFIG
from heddle.engine import Engine
from heddle.oracle import verify
from mesh.proxy import Proxy, Role
from mesh.store import Store
from tests.heddle.test_engine import Bench
from tests.meshes import destination_rule, objects_of, secret, service, sidecar
from tests.strategies import examples, stepped
from xds.errors import UnknownPart
from xds.publisher import Publisher
from xds.types import SDS

CLIENT = Proxy(namespace="shop", name="p", labels={"app": "a"}, service_account="default")
EDGE = Proxy(
    namespace="edge", name="g", labels={"app": "g"}, service_account="edge", role=Role.ROUTER
)
POLICIES = (
    "mode: MUTUAL, credentialName: a",
    "mode: SIMPLE, credentialName: b",
    "mode: SIMPLE, insecureSkipVerify: true",
)
SHAPES = ({"tls_crt": b"1", "tls_key": b"2", "ca_crt": b"3"}, {"cacert": b"4"}, {"cacert": b"5"})


def _rules() -> st.SearchStrategy[str]:
    spec = st.builds(
        lambda host, selector, export, tls: (
            f"{{host: '{host}', {selector}{export}trafficPolicy: {{tls: {{{tls}}}}}}}"
        ),
        st.sampled_from(["reviews.shop.svc.cluster.local", "*.shop.svc.cluster.local"]),
        st.sampled_from(["", "workloadSelector: {matchLabels: {app: a}}, "]),
        st.sampled_from(["", "exportTo: ['.'], "]),
        st.sampled_from(POLICIES),
    )
    return st.builds(destination_rule, st.just("r"), spec, st.sampled_from(["shop", "edge"]))


def _steps() -> st.SearchStrategy[tuple[str, bool]]:
    secrets = st.builds(
        lambda name, namespace, keys: secret(name, namespace, **keys),
        st.sampled_from(["a", "a-cacert", "b"]),
        st.sampled_from(["shop", "edge"]),
        st.sampled_from(SHAPES),
    )
    shown = "port: {number: 8080, protocol: HTTPS}, tls: {mode: MUTUAL, credentialName: a}"
    hidden = st.sampled_from(
        [
            "{egress: [{hosts: ['~/*']}]}",
            "{egress: [{hosts: ['*/*']}]}",
            f"{{ingress: [{{{shown}}}]}}",
        ]
    )
    sidecars = st.builds(lambda spec: sidecar("s", spec), hidden)
    services = st.builds(service, st.sampled_from(["reviews", "ratings"]))
    every = st.one_of(_rules(), _rules(), secrets, secrets, sidecars, services)
    return st.tuples(every, st.sampled_from([False, False, True]))


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(_steps(), min_size=2, max_size=10))
def test_each_has_what_its_clusters_name(history: list[tuple[str, bool]]) -> None:
    whole = (secret(name, ns, **SHAPES[0]) for name in ("a", "b") for ns in ("shop", "edge"))
    bench, objects = Bench(), objects_of(service("reviews") + "".join(whole))
    for step in history:
        objects = stepped(objects, step)
        bench.become(objects, DEFAULT_MESH_CONFIG)
        verify(bench.engine, bench.publisher, objects, DEFAULT_MESH_CONFIG)
        for proxy in (CLIENT, EDGE):
            found = bench.published(proxy)
            assert found == bench.wanted(proxy, DEFAULT_MESH_CONFIG)


def test_who_may_have_a_secret_now_holds_another_part() -> None:
    """Its stream is to begin again, though no rule asks for other labels than before."""
    rule = "{host: reviews, workloadSelector: {matchLabels: {app: a}}, trafficPolicy: {tls: {%s}}}"
    told: list[bool] = []
    engine, store = Engine(Publisher()), Store()
    for policy in (POLICIES[2], POLICIES[2] + ", sni: x", POLICIES[0], POLICIES[0] + ", sni: x"):
        for key, made in objects_of(destination_rule("r", rule % policy)).items():
            store.put(key, made)
        told.append(engine.apply(store.take(), DEFAULT_MESH_CONFIG).dirty.selections)
    assert told == [True, False, True, False]


def test_what_nobody_holds_is_let_go() -> None:
    rule = (
        "{host: reviews, workloadSelector: {matchLabels: {app: a}}, "
        "trafficPolicy: {tls: {mode: MUTUAL, credentialName: a}}}"
    )
    bench = Bench()
    shop = service("reviews") + secret("a", "shop", **SHAPES[0]) + destination_rule("r", rule)
    bench.become(objects_of(shop), DEFAULT_MESH_CONFIG)
    assert set(bench.published(CLIENT)[SDS]) == {"kubernetes://a", "kubernetes://a-cacert"}
    (key,) = bench.engine.credentials.held()
    _collect(bench.engine)
    assert not bench.engine.credentials.held()
    with pytest.raises(UnknownPart):
        bench.publisher.resources(key, SDS)


def _collect(engine: Engine) -> None:
    engine.collect()
    engine.collect()
