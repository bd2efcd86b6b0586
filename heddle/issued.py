"""Which clients that keep their own keys have which certificate: the newest of each pod, whether it
asked over the network or the kubelet asked for it.

They acknowledge nothing. A step of a rotation waits until each of them has asked again, or its
certificate has ended.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from ca.reports import Issued, Report, newest


class IssuedCertificates:
    """What is known of them. Belongs to one event loop."""

    def __init__(self) -> None:
        self._newest: Mapping[str, Issued] = {}

    def add(self, pod: str, issued: Issued) -> None:
        """A certificate was signed; `pod` is namespace/name."""
        self._newest = {**self._newest, pod: issued}

    def remember(self, others: Mapping[str, Issued]) -> None:
        """What replicas have known that have ended."""
        told = (Report(replica="", issued=each) for each in (self._newest, others))
        self._newest = newest(told)

    def known(self, now: datetime, exists: Callable[[str], bool]) -> Mapping[str, Issued]:
        """Those that are still good. `exists`: whether the pod of this namespace/name is there. A
        certificate ends with it, for nobody has its key any more.
        """
        self._newest = {
            pod: issued
            for pod, issued in self._newest.items()
            if now < issued.until and exists(pod)
        }
        return self._newest
