"""The rules of the protocol in one sentence each, by id. docs/conformance.md lists them."""

STATEMENTS = {
    "X-01": (
        "The node is remembered from the first request of a stream; later ones may leave it out."
    ),
    "X-02": (
        "The first request may be of any type: while a cluster warms, a reconnecting Envoy asks "
        "for endpoints first."
    ),
    "X-03": "A first request without a node ends the stream and leaves nothing behind.",
    "X-04": "Another node later on the same stream ends it.",
    "X-05": "A request without a type ends the stream.",
    "X-06": (
        "An unknown type neither ends the stream nor crashes the server; its names do not exist."
    ),
    "X-07": "Each type has nonces, answers and subscriptions of its own.",
    "X-08": "Until there is something to serve, streams are refused with UNAVAILABLE.",
    "X-09": "Two streams of one node are both valid; the end of one leaves the other alone.",
    "X-10": "A server that stops frees all that its streams held.",
    "X-20": "Every response has a nonce that is unique in its stream.",
    "X-21": (
        "A request with a nonce is an ACK, or a NACK if it carries an error; versions say nothing."
    ),
    "X-22": "An ACK is not answered.",
    "X-23": "What was rejected is not sent again until it changes.",
    "X-24": "A stale nonce does not make the subscriptions in the same request void.",
    "X-25": "Any request may change subscriptions, an ACK or a NACK too.",
    "X-26": "State of the world: a request with a stale nonce is not answered.",
    "X-27": (
        "Several responses of one type may be in flight; they are answered one by one, in order."
    ),
    "X-28": "Nonces end with their stream.",
    "X-29": "Envoy acknowledges clusters only once they are warm, all other types at once.",
    "X-30": "The text of an error is for people, except that it may name the culprit.",
    "X-40": "Envoy asks for clusters and listeners without names, which means all of them.",
    "X-41": "An explicit `*` works, and giving everything up leaves nothing.",
    "X-42": "An empty first request for any other type means nothing, above all for secrets.",
    "X-43": "A name that is subscribed again is answered again.",
    "X-44": "Giving up what was never asked for is ignored.",
    "X-45": "A wildcard client that gives up a name is told what the wildcard has for it.",
    "X-46": (
        "A name that does not exist is answered as removed; an empty answer does not end the wait."
    ),
    "X-47": "What comes to exist later is sent without a new request.",
    "X-48": "What was sent before Envoy knew of it is lost, and sent when Envoy asks.",
    "X-49": (
        "Names and aliases both match a subscription; only virtual hosts on demand have aliases."
    ),
    "X-50": (
        "State of the world: clusters and listeners come complete, names replace the previous ones."
    ),
    "X-60": "A reconnect brings what differs from what the client holds, and nothing else.",
    "X-61": "A cluster that is sent is followed by its endpoints, even if those are the same.",
    "X-62": "Versions are hashes of the content, equal on every replica.",
    "X-63": "A reconnecting Envoy asks for all types at once.",
    "X-64": (
        "Until its warming ends, a reconnecting Envoy does not ask for clusters; an answer of "
        "absence ends it."
    ),
    "X-65": (
        "A client that never asks for clusters is sent away after a while, so that it reconnects."
    ),
    "X-66": "What the client holds and may no longer have is removed.",
    "X-80": "One push goes in the order of references: clusters, endpoints, listeners, routes.",
    "X-81": (
        "A route comes after the cluster that it names; a cluster goes after the routes that "
        "named it."
    ),
    "X-82": "Envoy accepts a route to a cluster that does not exist, and answers 503.",
    "X-83": (
        "Envoy does not ask for the endpoints of a cluster that changed; the server sends them."
    ),
    "X-84": "The old cluster serves while its new version warms.",
    "X-85": "A listener whose secret does not exist refuses its connections; the others serve.",
    "X-86": "One push never mixes two generations.",
    "X-87": "The discovery cluster is the first static one.",
    "X-100": "A name twice in one response rejects all of it.",
    "X-101": "A resource of another type rejects the whole response.",
    "X-102": "A violated constraint of a message rejects the whole response.",
    "X-103": (
        "A resource that Envoy cannot use is rejected alone: the others of its response take "
        "effect, untracked."
    ),
    "X-104": "A bad certificate is rejected and the old one stays.",
    "X-105": (
        "Removed clusters and listeners go at once; removals of endpoints, routes and secrets "
        "are ignored."
    ),
    "X-106": "What a client holds of a type that is not served (extensions) is not removed.",
    "X-107": "A resource with a time to live vanishes unless it is refreshed.",
    "X-108": "What did not change is not sent.",
    "X-109": "Large responses are accepted; the server splits them all the same.",
    "X-120": "On demand, an unknown virtual host is answered with its name and without a resource.",
    "X-121": "An update of routes clears their virtual hosts (superseded: see X-126).",
    "X-122": "On demand: a host is asked for on the same stream, in whatever case it is written.",
    "X-123": (
        "One nameless subscription is for the virtual hosts of all route configurations, which "
        "must be there first."
    ),
    "X-124": "An update brings the changed virtual hosts only; a removal takes effect at once.",
    "X-125": (
        "A listener stays shut until its routes have a virtual host; an empty answer does not "
        "count."
    ),
    "X-126": "An update of the route configuration keeps its virtual hosts.",
    "X-127": "A reconnecting Envoy lists the virtual hosts that it holds.",
    "X-128": "A domain in two virtual hosts of one route configuration is rejected.",
    "X-129": (
        "A virtual host is named as its resource; a domain moves in one response; a rejected "
        "one applies nothing."
    ),
    "X-130": "A warming cluster withholds the answers to later clusters, which take effect.",
    "X-140": "On demand: Envoy asks for what a request needs.",
    "X-141": "On demand: the first answer needs a placeholder.",
    "X-142": "On demand: the answer has the name that was asked for as an alias.",
    "X-143": "On demand over TCP.",
    "X-144": "On demand: what a client holds comes back when it reconnects.",
    "token-rotation": "A stream carries the token that is in its file when it begins.",
    "root-rotation": (
        "New roots of the mesh are trusted without a restart, and the old ones no longer."
    ),
    "server-name": "The token goes to no server of another name.",
}

UNTESTED = {
    "X-140": "nothing is served on demand",
    "X-141": "nothing is served on demand",
    "X-142": "nothing is served on demand",
    "X-143": "nothing is served on demand",
    "X-144": "nothing is served on demand",
}
"""Why a rule has no test."""
