"""An endpoint as one family of handles sees it."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import Future, InvalidStateError

from legacy.errors import InstanceError
from legacy.records import Endpoint
from legacy.traffic.router import Router
from legacy.traffic.split import Split


class Target:
    """The newest traffic policy of an endpoint; when it is deleted, its handles go on with the last one.

    Attributes:
        endpoint, split: None until the endpoint appears.
        appeared: done from then on, until `return_of` finds it gone.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.endpoint: Endpoint | None = None
        self.split: Split | None = None
        self.appeared: Future[None] = Future()
        self._looking = threading.Lock()

    def give_up(self, error: InstanceError) -> None:
        """It will never appear."""
        with contextlib.suppress(InvalidStateError):  # it has
            self.appeared.set_exception(error)

    def return_of(self, router: Router) -> Future[None]:
        """Done when the endpoint, which was deleted, is there again."""
        with self._looking:
            if self.appeared.done():
                self.endpoint, self.appeared = None, Future()
        self.refresh(router)
        return self.appeared

    def refresh(self, router: Router) -> None:
        """Take over the newest traffic policy, if there is one."""
        endpoint = router.endpoints.get(self.name)
        if endpoint is None or endpoint is self.endpoint or not endpoint.traffic:
            return  # one without a backend yet (Ray 0.8) has its calls wait as if it did not exist
        self.endpoint, self.split = endpoint, Split(endpoint.traffic, endpoint.shadows)
        with contextlib.suppress(InvalidStateError):  # it appeared before, or another thread was faster
            self.appeared.set_result(None)
