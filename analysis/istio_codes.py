"""Istio's codes, for what means the same here (istio.io/latest/docs/reference/config/analysis).

What is left out has no meaning here: docs/analysis.md says why. The numbers and names are Istio's,
the words ours.
"""

from analysis.code import istio
from analysis.severity import Severity

E, W, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO

DEPRECATED = istio(
    2,
    "Deprecated",
    W,
    "A field or feature is used that is on its way out.",
    "Use what the message names instead.",
)
REFERENCED_RESOURCE_NOT_FOUND = istio(
    101,
    "ReferencedResourceNotFound",
    E,
    "An object refers to another one that does not exist.",
    "Correct the name, or add what it refers to.",
)
NAMESPACE_NOT_INJECTED = istio(
    102,
    "NamespaceNotInjected",
    INFO,
    "Nothing says whether pods of the namespace get a sidecar, so they get none.",
    "Label the namespace istio-injection=enabled, or istio-injection=disabled if that is meant.",
)
POD_MISSING_PROXY = istio(
    103,
    "PodMissingProxy",
    W,
    "A pod has no sidecar although its namespace is injected.",
    "Restart its workload: sidecars are added when pods are created.",
)
SCHEMA_VALIDATION_ERROR = istio(
    106,
    "SchemaValidationError",
    E,
    "A field has a value that it cannot have.",
    "Correct the field; until then the last good version of the object stays in force.",
)
MISPLACED_ANNOTATION = istio(
    107,
    "MisplacedAnnotation",
    W,
    "An annotation stands on an object of a kind where nobody reads it.",
    "Move it to an object of the kind that the message names.",
)
UNKNOWN_ANNOTATION = istio(
    108,
    "UnknownAnnotation",
    W,
    "An annotation has a name of Istio's that nobody reads.",
    "Correct the name or remove the annotation.",
)
CONFLICTING_MESH_GATEWAY_VIRTUAL_SERVICE_HOSTS = istio(
    109,
    "ConflictingMeshGatewayVirtualServiceHosts",
    E,
    "Two VirtualServices route one host for sidecars, and only one of them counts.",
    "Merge the two into one, or remove the host from one of them.",
)
CONFLICTING_SIDECAR_WORKLOAD_SELECTORS = istio(
    110,
    "ConflictingSidecarWorkloadSelectors",
    E,
    "Two Sidecars select the same pods, and only one of them counts.",
    "Change the selectors so that each pod is selected once.",
)
MULTIPLE_SIDECARS_WITHOUT_WORKLOAD_SELECTORS = istio(
    111,
    "MultipleSidecarsWithoutWorkloadSelectors",
    E,
    "A namespace has more than one Sidecar without a selector, and only one of them counts.",
    "Keep one, or give the others a workloadSelector.",
)
VIRTUAL_SERVICE_DESTINATION_PORT_SELECTOR_REQUIRED = istio(
    112,
    "VirtualServiceDestinationPortSelectorRequired",
    E,
    "A destination has several ports, and the route does not say which one.",
    "Add destination.port.number.",
)
DEPLOYMENT_ASSOCIATED_TO_MULTIPLE_SERVICES = istio(
    116,
    "DeploymentAssociatedToMultipleServices",
    W,
    "Services with different protocols share one port of the same pods.",
    "Use one protocol for the port in all of the services, or different target ports.",
)
PORT_NAME_IS_NOT_UNDER_NAMING_CONVENTION = istio(
    118,
    "PortNameIsNotUnderNamingConvention",
    INFO,
    "Neither the name of a port nor its appProtocol says what it speaks, so it is guessed.",
    "Begin the name with the protocol (http-web, grpc-api, tcp-db), or set appProtocol.",
)
INVALID_REGEXP = istio(
    122,
    "InvalidRegexp",
    W,
    "A regular expression is none that RE2 takes.",
    "Write it in RE2's syntax: without look-around and back references.",
)
NAMESPACE_MULTIPLE_INJECTION_LABELS = istio(
    123,
    "NamespaceMultipleInjectionLabels",
    W,
    "A namespace has labels for injection that say different things.",
    "Keep one of istio-injection and istio.io/rev.",
)
INVALID_ANNOTATION = istio(
    125,
    "InvalidAnnotation",
    W,
    "An annotation has a value that it cannot have.",
    "Correct the value.",
)
NO_MATCHING_WORKLOADS_FOUND = istio(
    127,
    "NoMatchingWorkloadsFound",
    W,
    "A selector matches no pod, so the object has no effect.",
    "Compare the selector with the labels of the pods.",
)
NO_SERVER_CERTIFICATE_VERIFICATION = istio(
    128,
    "NoServerCertificateVerificationDestinationLevel",
    W,
    "A DestinationRule lets clients take any certificate of a server.",
    "Remove insecureSkipVerify, and name the server's authority in caCertificates.",
)
NO_SERVER_CERTIFICATE_VERIFICATION_AT_PORT = istio(
    129,
    "NoServerCertificateVerificationPortLevel",
    W,
    "A DestinationRule lets clients take any certificate of a server at one port.",
    "Remove insecureSkipVerify, and name the server's authority in caCertificates.",
)
VIRTUAL_SERVICE_UNREACHABLE_RULE = istio(
    130,
    "VirtualServiceUnreachableRule",
    W,
    "A rule never takes a request, because one before it takes them all.",
    "Put the narrower rule first, or remove one.",
)
VIRTUAL_SERVICE_INEFFECTIVE_MATCH = istio(
    131,
    "VirtualServiceIneffectiveMatch",
    INFO,
    "A match is the same as one of a rule before it, so it never takes a request.",
    "Remove it, or make it differ.",
)
VIRTUAL_SERVICE_HOST_NOT_FOUND_IN_GATEWAY = istio(
    132,
    "VirtualServiceHostNotFoundInGateway",
    W,
    "No server of the Gateway has the host of a VirtualService that is bound to it.",
    "Add the host to a server of the Gateway, or correct it.",
)
SCHEMA_WARNING = istio(
    133,
    "SchemaWarning",
    W,
    "A field is unknown or has no effect where it stands.",
    "Correct or remove the field.",
)
SERVICE_ENTRY_ADDRESSES_REQUIRED = istio(
    134,
    "ServiceEntryAddressesRequired",
    W,
    "A port of a ServiceEntry that is not HTTP or TLS has no address to be told apart by.",
    "Give the ServiceEntry addresses, or the port a protocol.",
)
GATEWAY_DUPLICATE_CERTIFICATE = istio(
    138,
    "GatewayDuplicateCertificate",
    W,
    "Several Gateways use one certificate, so that a browser may send requests to the wrong one.",
    "Put the hosts of one certificate into one Gateway.",
)
INVALID_WEBHOOK = istio(
    139,
    "InvalidWebhook",
    E,
    "A webhook that injects takes the pods of another one, or leads to no Service.",
    "Correct the selectors of the webhook, or its clientConfig.",
)
INVALID_APPLICATION_UID = istio(
    144,
    "InvalidApplicationUID",
    W,
    "An application runs as the user of the sidecar, whose traffic is not captured.",
    "Run it as another user than 1337.",
)
CONFLICTING_GATEWAYS = istio(
    145,
    "ConflictingGateways",
    E,
    "Two servers of Gateways want the same port of the same pods, and only one of them gets it.",
    "Use another port, or other hosts.",
)
IMAGE_AUTO_OF_WORKLOAD = istio(
    146,
    "ImageAutoWithoutInjectionWarning",
    W,
    "A workload leaves an image to the injector, and its pods are not injected.",
    'Label the pod template sidecar.istio.io/inject: "true".',
)
IMAGE_AUTO_OF_POD = istio(
    147,
    "ImageAutoWithoutInjectionError",
    E,
    "A pod leaves an image to the injector, and is not injected.",
    'Label the pod sidecar.istio.io/inject: "true", and create it anew.',
)
JWT_CLAIM_BASED_ROUTING_WITHOUT_REQUEST_AUTHN = istio(
    149,
    "JwtClaimBasedRoutingWithoutRequestAuthN",
    E,
    "A route asks for a claim of a token that nobody has verified.",
    "Add a RequestAuthentication for the pods of the gateway.",
)
PODS_ISTIO_PROXY_IMAGE_MISMATCH_IN_NAMESPACE = istio(
    158,
    "PodsIstioProxyImageMismatchInNamespace",
    W,
    "Pods run another image of the proxy than the one that is injected now.",
    "Restart their workloads.",
)
INVALID_GATEWAY_CREDENTIAL = istio(
    161,
    "InvalidGatewayCredential",
    E,
    "A Gateway's Secret is missing or holds no usable certificate and key.",
    "Put a certificate and its key into the Secret, in the namespace of the gateway's pods.",
)
GATEWAY_PORT_NOT_DEFINED_ON_SERVICE = istio(
    162,
    "GatewayPortNotDefinedOnService",
    W,
    "A Gateway listens on a port that no Service of its pods leads to.",
    "Add the port to the Service of the gateway.",
)
INEFFECTIVE_POLICY = istio(
    167,
    "IneffectivePolicy",
    W,
    "A policy acts on nothing.",
    "Point it to what it is meant for, or remove it.",
)
NEGATIVE_CONDITION_STATUS = istio(
    171,
    "NegativeConditionStatus",
    W,
    "The status of an object says that something is wrong with it.",
    "Read the message of the condition; `kubectl describe` shows since when.",
)
DESTINATION_RULE_SUBSET_NOT_SELECT_PODS = istio(
    173,
    "DestinationRuleSubsetNotSelectPods",
    E,
    "A subset selects no pod, so requests to it get a 503.",
    "Compare the subset's labels with those of the pods.",
)
UNKNOWN_DESTINATION_RULE_HOST = istio(
    174,
    "UnknownDestinationRuleHost",
    W,
    "A DestinationRule is for a host that no service has.",
    "Correct the host; of a service in another namespace, write the full name.",
)
CONFLICTING_SERVICE_ENTRY_PROTOCOL = istio(
    177,
    "ConflictingServiceEntryProtocol",
    W,
    "ServiceEntries say that one port of one host speaks different protocols.",
    "Say the same protocol in all of them, or limit them to namespaces with exportTo.",
)
