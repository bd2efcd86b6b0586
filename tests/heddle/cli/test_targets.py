"""How users name proxies, by istioctl's grammar."""

import pytest

from heddle.proxies.targets import Candidate, Target, completions, pick, target

WEB = Candidate(
    name="web-6f9-abcde",
    namespace="shop",
    owners=("deployment/web", "replicaset/web-6f9", "service/web", "service/front"),
)
OTHER = Candidate(name="web-6f9-fghij", namespace="shop", owners=WEB.owners)
DOTTED = Candidate(name="db.0", namespace="data", owners=("statefulset/db",))
EVERY = (OTHER, WEB, DOTTED)


@pytest.mark.parametrize(
    ("text", "namespace", "named"),
    [
        ("web", "", Target(name="web", namespace="default")),
        ("web", "shop", Target(name="web", namespace="shop")),
        ("web.shop", "other", Target(name="web", namespace="shop")),
        ("db.0.data", "", Target(name="db.0", namespace="data")),
        ("pod/web.shop", "", Target(name="web", namespace="shop")),
        ("deploy/web.shop", "", Target(kind="deployment", name="web", namespace="shop")),
        ("deployments.apps/web", "", Target(kind="deployment", name="web", namespace="default")),
        ("SVC/web.shop", "", Target(kind="service", name="web", namespace="shop")),
    ],
)
def test_what_a_name_means(text: str, namespace: str, named: Target) -> None:
    assert target(text, namespace) == named


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is not"),
        (".shop", "is not"),
        ("web.", "is not"),
        ("deploy/", "is not"),
        ("gateway/web", "not of a 'gateway'"),
        ("/web", "not of a ''"),
    ],
)
def test_what_names_nothing(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        target(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("web-6f9-fghij.shop", OTHER),
        ("deployment/web.shop", WEB),
        ("rs/web-6f9.shop", WEB),
        ("service/front.shop", WEB),
        ("statefulset/db.data", DOTTED),
        ("db.0.data", DOTTED),
    ],
)
def test_the_pod_that_is_meant(text: str, found: Candidate) -> None:
    """Of a Deployment's pods the first by name."""
    assert pick(target(text), EVERY) == found


@pytest.mark.parametrize(
    ("text", "candidates", "said"),
    [
        ("web.shop", (), "the mesh has none"),
        ("deploy/wib.shop", EVERY, "did you mean web.shop?"),
        ("a.b", EVERY, "there are proxies in: data, shop"),
        ("unlike.data", EVERY, "there are: db.0.data"),
    ],
)
def test_a_name_of_nobody(text: str, candidates: tuple[Candidate, ...], said: str) -> None:
    """What there is instead."""
    with pytest.raises(LookupError) as failed:
        pick(target(text), candidates)
    assert said in str(failed.value)


def test_the_shell_completes_targets() -> None:
    """Pods, and behind a kind what is of that kind."""
    assert completions("web", EVERY) == ["web-6f9-abcde.shop", "web-6f9-fghij.shop"]
    assert completions("", EVERY)[0] == "db.0.data"
    assert completions("deploy/", EVERY) == ["deploy/web.shop"]
    assert completions("svc/f", EVERY) == ["svc/front.shop"]
    assert completions("nothing/", EVERY) == []
