"""What the webhook answers by: the objects and settings that the control plane has."""

from collections.abc import Iterable, Mapping

import pytest
import yaml

from crds.mesh_config import CertificateSource
from heddle.admission import Admission
from heddle.control_plane import ControlPlane
from heddle.injection import PORT, SERVER_NAME, inject_settings
from sources.events import Event, Synced
from tests.heddle.events import applied
from tests.webhook.pods import pod
from tests.webhook.reviews import asked
from webhook import raw
from webhook.errors import NotReady

CONFIG = """
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: "{certificateSource: %s}"
  injection: "{global: {proxy: {image: %s}}}"
"""
REVIEWS = """
apiVersion: v1
kind: Service
metadata: {name: reviews, namespace: shop}
spec: {ports: [{name: http, port: 80}], selector: {app: reviews}, clusterIP: 10.0.0.1}
"""
ROUTE = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: v, namespace: shop}
spec: {hosts: [%s], http: [{route: [{destination: {host: %s}}]}]}
"""


def admission(*texts: str, synced: bool = True) -> Admission:
    plane = ControlPlane(quiet=True)
    events: Iterable[Event] = [event for text in texts for event in applied(text)]
    plane.apply([*events, *([Synced()] if synced else [])])
    return Admission(plane, inject_settings(host=SERVER_NAME, port=PORT))


def validated(made: Admission, text: str) -> list[str]:
    answer = made.validate(
        asked("networking.istio.io/VirtualService", yaml.safe_load(text), name="v"), ""
    )
    assert answer.allowed
    return [problem.code for problem in answer.warnings]


def test_a_route_to_what_is_there_is_let_in_without_a_word() -> None:
    assert validated(admission(REVIEWS), ROUTE % ("reviews", "reviews")) == []


def test_a_route_that_leads_nowhere_is_let_in_with_a_warning() -> None:
    """What it leads to may be the next object of the same apply."""
    assert validated(admission(REVIEWS), ROUTE % ("reviews", "review")) == ["IST0101"]


def test_an_object_that_is_wrong_is_refused_under_the_code_of_the_analysis() -> None:
    text = ROUTE.replace("[{route:", "[{timeout: soon, route:") % ("reviews", "reviews")
    kind = "networking.istio.io/VirtualService"
    answer = admission(REVIEWS).validate(asked(kind, yaml.safe_load(text), name="v"), "")
    assert [problem.code for problem in answer.errors] == ["IST0106"]


def test_what_only_analyzers_see_is_a_warning_too() -> None:
    route = "route: [{destination: {host: reviews}}]"
    wide, narrow = "match: [{uri: {prefix: /a}}]", "match: [{uri: {prefix: /a/b}}]"
    rules = f"[{{{wide}, {route}}}, {{{narrow}, {route}}}]"
    text = ROUTE.replace("[{route: [{destination: {host: %s}}]}]", rules) % "reviews"
    assert validated(admission(REVIEWS), text) == ["IST0130"]


def test_what_the_object_says_not_to_matter_is_not_told() -> None:
    text = ROUTE % ("reviews", "review")
    quiet = text.replace(
        "{name: v,", "{name: v, annotations: {galley.istio.io/analyze-suppress: IST0101},"
    )
    assert validated(admission(REVIEWS), quiet) == []


def test_asking_changes_nothing() -> None:
    made = admission(REVIEWS)
    assert validated(made, ROUTE % ("reviews", "review")) == ["IST0101"]
    assert validated(made, ROUTE % ("reviews", "reviews")) == []


def test_before_all_objects_are_known_no_reference_is_judged() -> None:
    assert validated(admission(synced=False), ROUTE % ("reviews", "reviews")) == []


def _proxy(made: Admission, path: str = "") -> Mapping[str, object]:
    answer = made.inject(asked(new=pod()), path)
    (added,) = (each for each in answer.patch if each["path"] == "/spec/initContainers")
    values = added["value"]
    assert isinstance(values, list)
    return raw.mapping(values[1])


def test_the_settings_of_the_mesh_are_those_of_pods_from_the_next_one_on() -> None:
    made = admission()
    assert str(_proxy(made)["image"]).startswith("envoyproxy/")
    made = admission(CONFIG % ("SPIRE", "mine:1"))
    assert _proxy(made)["image"] == "mine:1"
    assert made.settings.source is CertificateSource.SPIRE


def test_settings_with_an_error_leave_the_last_in_force() -> None:
    plane = ControlPlane(quiet=True)
    made = Admission(plane, inject_settings(host=SERVER_NAME, port=PORT))
    plane.apply([*applied(CONFIG % ("HEDDLE", "mine:1")), Synced()])
    plane.apply(applied(CONFIG % ("HEDDLE", "'no image'")))
    assert _proxy(made)["image"] == "mine:1"
    assert [problem.path for problem in plane.problems()] == ["data.injection.global.proxy.image"]


def test_nobody_is_injected_by_settings_that_are_not_read_yet() -> None:
    with pytest.raises(NotReady):
        _proxy(admission(synced=False))


def test_parameters_of_the_path_say_where_a_pod_is() -> None:
    arguments = str(_proxy(admission(), "cluster/east/net/one")["args"])
    assert '"CLUSTER_ID":"east"' in arguments
    assert '"NETWORK":"one"' in arguments
