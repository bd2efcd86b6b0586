"""How far each mesh object has come on the proxies that are connected here, kept for who looks."""

from collections.abc import Callable, Iterable

from crds.meta import Key
from heddle.control_plane import ControlPlane
from heddle.edits import GROUPS, Edit
from heddle.liveness import Live, Liveness, Standing
from sources.events import Deleted
from xds.status import Client, ClientStatus


class Following:
    """Listens to a control plane from now on. Belongs to its event loop."""

    def __init__(
        self, plane: ControlPlane, clients: Iterable[Client], clock: Callable[[], float]
    ) -> None:
        """`clients` are its server's; `clock` gives seconds that only grow."""
        self._liveness = Liveness(plane.engine, plane.publisher, clients, clock)
        self.edits = 0
        """How many there were."""
        plane.listen(self)

    def edited(self, edit: Edit) -> None:
        """An edit was taken in, and published."""
        self.edits += 1
        self._liveness.edited(edit)
        for event in edit.events:
            if isinstance(event, Deleted) and event.key.group in GROUPS:
                self._liveness.forget(event.key)

    def reselected(self, client: ClientStatus) -> None:
        """The stream of this client ends, for it is to hold other parts."""
        self._liveness.reselected(client)

    def look(self) -> None:
        """Reads how far the proxies have come; once before `standing` is asked."""
        self._liveness.look()

    def standing(self, key: Key) -> Standing:
        """How far an object has come, as of the last look. Whether a proxy used it when it was
        published is of no interest any more: what it turned into says who uses it now.
        """
        found = self._liveness.standing(key)
        return Live(used=True) if isinstance(found, Live) else found
