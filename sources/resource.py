"""Where objects of a kind are in Kubernetes' API: `/apis/<group>/<version>/namespaces/...`."""

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A kind as the API serves it; `group` is `""` for the core."""

    group: str = ""
    version: str = "v1"
    plural: str

    def collection(self, namespace: str = "") -> str:
        """The path of all objects, or of those of one namespace."""
        root = f"/apis/{quote(self.group)}" if self.group else "/api"
        place = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
        return f"{root}/{quote(self.version)}{place}/{quote(self.plural)}"

    def one(self, name: str, namespace: str = "", subresource: str = "") -> str:
        """The path of one object; `namespace` is `""` if it has none. A subresource is `status`,
        for example.
        """
        path = f"{self.collection(namespace)}/{quote(name, safe='')}"
        return f"{path}/{quote(subresource)}" if subresource else path


CONFIG_MAPS = Resource(plural="configmaps")
EVENTS = Resource(group="events.k8s.io", plural="events")
NAMESPACES = Resource(plural="namespaces")
PODS = Resource(plural="pods")
SECRETS = Resource(plural="secrets")
LEASES = Resource(group="coordination.k8s.io", plural="leases")
MUTATING_WEBHOOKS = Resource(
    group="admissionregistration.k8s.io", plural="mutatingwebhookconfigurations"
)
VALIDATING_WEBHOOKS = Resource(
    group="admissionregistration.k8s.io", plural="validatingwebhookconfigurations"
)
CUSTOM_RESOURCE_DEFINITIONS = Resource(
    group="apiextensions.k8s.io", plural="customresourcedefinitions"
)
DEPLOYMENTS = Resource(group="apps", plural="deployments")
ENDPOINT_SLICES = Resource(group="discovery.k8s.io", plural="endpointslices")
SELF_REVIEWS = Resource(group="authorization.k8s.io", plural="selfsubjectaccessreviews")
REVIEWS = Resource(group="authorization.k8s.io", plural="subjectaccessreviews")
