"""What can go wrong with what the API server sends; what is wrong with an object is a `Problem`.

WebhookError
├── BadReview         a request that is no AdmissionReview
└── NotReady          a request that cannot be answered yet
"""


class WebhookError(Exception):
    """Something that the webhook was handed is of no use."""


class BadReview(WebhookError):
    """A request that is no AdmissionReview of a version that we know; the message says why."""


class NotReady(WebhookError):
    """A request that cannot be answered yet: another replica may know more."""
