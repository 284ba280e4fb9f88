"""One run between two places, from its order to its end."""

from __future__ import annotations

from agentsim.engine.channel import Channel
from agentsim.engine.order import Order
from agentsim.engine.verdict import Verdict


class Conductor:
    """As :class:`agentsim.engine.coordinator.Coordinator`, for places that are not both directories of this machine."""

    def __init__(self, agent: Channel, order: Order) -> None:
        self._agent = agent
        self._order = order

    def run(self) -> Verdict:
        """Carry out the order.

        Returns:
            How the run ended, for the ``done`` message.
        """
        raise NotImplementedError
