"""The charts and the code: flags, settings and metrics of the one are those of the other."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from prometheus_client import CollectorRegistry, ProcessCollector

from crds.convert import plan
from heddle.authority_metrics import AuthorityMetrics
from heddle.cli.later import loaded
from heddle.cluster_feed import Silences
from heddle.lag import lag_histogram
from heddle.leader import LeaderMetrics
from heddle.main import COMMANDS
from tests.charts.helm import CHART, Helm, container, of_kind
from tests.goldens import case_id, cases
from webhook import metrics as webhook_metrics
from webhook import raw
from webhook.server import REQUEST_SECONDS
from webhook.values import InjectionValues
from xds.metrics import Metrics

DASHBOARDS = sorted((CHART / "dashboards").iterdir())
EXPRESSION = re.compile(r'"(?:expr|query)": "((?:[^"\\]|\\.)*)"')
WORD = re.compile(r"\b(?:heddle|process)_\w+")


@pytest.mark.parametrize("case", cases("charts"), ids=case_id)
def test_heddle_serve_takes_the_arguments(helm: Helm, case: Path) -> None:
    arguments = container(helm.objects("--values", str(case)))["args"]
    assert isinstance(arguments, list)
    command, *flags = arguments
    [found] = [each for each in COMMANDS if each.name == command]
    context = loaded(found).make_context(command, flags)
    assert context.params["kubernetes"] is True


def test_the_api_server_waits_longer_than_we_think(helm: Helm) -> None:
    """An answer after the end of its patience is for nobody."""
    for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"):
        for configuration in of_kind(helm.objects(), kind):
            for webhook in raw.objects(configuration["webhooks"]):
                timeout = webhook["timeoutSeconds"]
                assert isinstance(timeout, int)
                assert timeout > REQUEST_SECONDS


def names(cls: type, path: str = "") -> Iterator[str]:
    """The fields of a message, by their names in the document."""
    hints, wire = get_type_hints(cls), plan(cls).names
    for each in fields(cls):
        here = f"{path}.{wire[each.name]}"
        yield here
        inner = [t for t in (hints[each.name], *get_args(hints[each.name])) if is_dataclass(t)]
        for one in inner:
            if isinstance(one, type) and one.__name__ != "LabelSelector":
                yield from names(one, here)


def properties(schema: Mapping[str, object], whole: Mapping[str, object]) -> Iterator[str]:
    """The same of a schema."""
    definitions = raw.mapping(whole["definitions"])
    reference = raw.text(schema.get("$ref")).rpartition("/")[2]
    found = raw.mapping(definitions[reference]) if reference else schema
    for name, inner in raw.mapping(found.get("properties")).items():
        yield f".{name}"
        yield from (f".{name}{more}" for more in properties(raw.mapping(inner), whole))


def test_the_schema_knows_the_injector_s_settings() -> None:
    """Each of them, and none that there is not."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    known = set(properties(schema["properties"]["injection"], schema))
    assert known == set(names(InjectionValues))


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_each_metric_of_a_dashboard_exists(path: Path) -> None:
    registry = CollectorRegistry()
    Metrics(registry)
    AuthorityMetrics(registry)
    LeaderMetrics(registry)
    webhook_metrics.Metrics(registry)
    lag_histogram(registry)
    ProcessCollector(registry=registry)
    registry.register(Silences(lambda: [("pods", 1.0)]))
    there = set()
    for family in registry.collect():
        suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
        there |= {family.name + end for end in suffixes.get(family.type, [""])}
    expressions = " ".join(EXPRESSION.findall(path.read_text()))
    named = set(WORD.findall(expressions))
    assert named
    assert named <= there
