"""The chart of the CustomResourceDefinitions: what `heddle crds` prints, less what is excluded."""

import subprocess
from typing import Any

import pytest
import yaml

from heddle.definitions import documents
from tests.charts.helm import Helm
from tests.conftest import ROOT

CHART = ROOT / "charts/heddle-crds"
GATEWAYS = "gateways.networking.istio.io"


def rendered(helm: Helm, *arguments: str) -> list[dict[str, Any]]:
    """The definitions, in order."""
    text = helm.template(*arguments, chart=CHART)
    return [each for each in yaml.load_all(text, Loader=yaml.CSafeLoader) if each]


def test_it_renders_what_the_command_prints(helm: Helm) -> None:
    made = {name: yaml.load(text, Loader=yaml.CSafeLoader) for name, text in documents()}
    found = {each["metadata"]["name"]: each for each in rendered(helm)}
    assert found == made


def test_it_renders_the_same_twice(helm: Helm) -> None:
    assert helm.template(chart=CHART) == helm.template(chart=CHART)


def test_what_istio_s_chart_has_can_be_left_out(helm: Helm) -> None:
    found = rendered(helm, "--set", f"excludedCRDs={{{GATEWAYS}}}")
    left = {name for name, _ in documents()} - {each["metadata"]["name"] for each in found}
    assert left == {GATEWAYS}


def test_a_misspelt_name_is_refused(helm: Helm) -> None:
    """It would leave nothing out, and take what Istio's chart owns."""
    with pytest.raises(subprocess.CalledProcessError) as refused:
        rendered(helm, "--set", "excludedCRDs={gateway.networking.istio.io}")
    assert "excludedCRDs" in refused.value.stderr
