"""What MeshConfig says of the namespaces that are part of the mesh (`discoverySelectors`)."""

from collections.abc import Mapping, Sequence

from crds.decode import decode
from crds.label_selector import LabelSelector
from crds.mesh_config import DEFAULT_MESH_CONFIG
from heddle.intake import read_config


class Discovery:
    """Reads the ConfigMap as the control plane does: a broken one leaves all as it was."""

    def __init__(self, system_namespace: str) -> None:
        """Our own namespace is always read: MeshConfig is there."""
        self._system = system_namespace
        self._config = DEFAULT_MESH_CONFIG

    def __call__(
        self, raw: Mapping[str, object] | None
    ) -> tuple[Sequence[LabelSelector], tuple[str, ...]]:
        """The selectors, and the namespaces that are in whatever these say: policies for the whole
        mesh are in the root namespace.
        """
        made = None if raw is None else decode(raw).object
        self._config, _ = read_config(made, self._config)
        return self._config.discovery_selectors, (self._system, self._config.root_namespace)
