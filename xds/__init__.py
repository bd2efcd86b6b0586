"""A delta xDS server that knows nothing of any mesh: it serves published resources to Envoy.

Envoy's generated protos import the CNCF `xds.*` protos, which live in a package of this very name.
`extend_path` makes both one package, so that `xds.server` (ours) and `xds.core.v3` (theirs) are
importable side by side. Hence no module here may be named `annotations`, `core`, `data`, `service`
or `type`.
"""

from pkgutil import extend_path

__path__ = extend_path(__path__, __name__)
