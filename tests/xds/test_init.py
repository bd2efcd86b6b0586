"""Two packages share the name `xds`."""

import subprocess
import sys


def test_envoys_protos_still_import_after_our_server() -> None:
    script = (
        "import xds.server, envoy.config.cluster.v3.cluster_pb2, xds.core.v3.authority_pb2 as cncf;"
        "print(cncf.__name__)"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert run.stdout.strip() == "xds.core.v3.authority_pb2", run.stderr
