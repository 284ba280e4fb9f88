"""What all parts of a run between two places share."""

from __future__ import annotations

import threading

from agentsim.engine.filters import Filters
from agentsim.engine.lease import Lease
from agentsim.engine.order import Order
from agentsim.places.place import Item, Place
from agentsim.transfer.deciding import Rules
from agentsim.transfer.spool import Spool, packed


class Work:
    """One run.

    Attributes:
        order: what is to be done.
        lease: the right to do it.
        source: the source, entered.
        target: the target, entered.
        rules: what travels between them.
        filters: what is left out.
        tree: the target has directories that must be there before what is in them, and whose times change with it.
        unsure: a walk came out of order: what a listing seems to lack has to be asked for.
        late: source items (see :class:`Spool`) whose place a target directory holds until the deletes are done.
    """

    def __init__(self, order: Order, lease: Lease, source: Place, target: Place, rules: Rules) -> None:
        self.order = order
        self.settings = order.settings
        self.lease = lease
        self.source = source
        self.target = target
        self.rules = rules
        self.filters = Filters(order.settings, order.moment)
        self.tree = target.holds.directory_times
        self.unsure = False
        self.late = Spool()
        self._lock = threading.Lock()

    def postpone(self, source: Item, listed: int) -> None:
        """Keep an item until the deletes are done; from any thread.

        Raises:
            RunStopped: no space for temporary files on the agent's host.
        """
        with self._lock:
            self.late.append((packed(source), listed))
