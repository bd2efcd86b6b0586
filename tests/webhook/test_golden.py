"""A pod in, the injected pod out: `tests/golden/inject/`.

The first document is the case (the settings that differ from the defaults), the second the
Namespace or nothing, the third the Pod. Envoy's bootstrap is a small stand-in here.
"""

from pathlib import Path

import pytest
import yaml

from crds.mesh_config import CertificateSource, MeshConfig
from crds.proxy_config import ProxyConfig
from heddle.injection import having
from mesh.proxy import Mode
from tests.goldens import Golden, case_id, cases
from tests.webhook.pods import settings
from webhook.inject import inject
from webhook.settings import RootSource


class Readable(yaml.SafeDumper):
    """Text of several lines as a block, and no anchors: the diff is for people."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


Readable.add_representer(str, _text)


@pytest.mark.parametrize("case", cases("inject"), ids=case_id)
def test_golden(case: Path, golden: Golden) -> None:
    chosen, namespace, pod = yaml.safe_load_all(case.read_text())
    changes = dict(chosen or {})
    if "mode" in changes:
        changes["mode"] = Mode(changes["mode"])
    if "roots" in changes:
        changes["roots"] = RootSource(changes["roots"])
    source = CertificateSource(changes.pop("source", CertificateSource.HEDDLE))
    defaults = ProxyConfig(proxy_metadata=changes.pop("metadata", {}))
    config = MeshConfig(certificate_source=source, default_config=defaults)
    result = inject(pod, namespace, having(settings(**changes), config))
    shown = {
        "skipped": result.skipped,
        "refused": result.refused,
        "problems": [str(problem) for problem in result.problems],
        "pod": result.pod if result.pod != pod else "unchanged",
    }
    golden(case, yaml.dump(shown, Dumper=Readable, sort_keys=False, width=10_000))
