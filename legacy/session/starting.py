"""Starting an instance, or finding it when another program is faster: several may want the same one at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from legacy import cluster, controllers
from legacy.calls.routers import routers
from legacy.control.launch import start_controller
from legacy.errors import InstanceError, NameTakenError
from legacy.http_options import HTTPOptions
from legacy.records import InstanceName
from legacy.session.session import Session

READY_S = 70.0  # the controller gives up after 60 s itself, and knows why
RACE_S = 10.0  # how long to look again after another program that starts and ends instances under the same name
LOOK_AGAIN_S = 0.05


def launch(names: Sequence[InstanceName], detached: bool, options: HTTPOptions, dedicated_cpu: bool) -> Session:
    """Start an instance and wait until it is up; nothing keeps running when that fails.

    Args:
        names: it takes the first of them that is no other program's.

    Raises:
        NameTakenError: another program starts an instance under that name.
        InstanceError: all names are other programs'.
        OSError, TimeoutError: HTTP did not come up.
    """
    cluster.let_python_heed_sigterm()  # the instance is stopped in order at the end of the process
    name = _free(names)
    controller = start_controller(name, detached, options, dedicated_cpu)
    routers.open(name)
    session = Session(controller, name, owned=not detached, detached=detached)
    try:
        session.wait_until_ready(READY_S)
    except BaseException:  # whatever went wrong, half an instance must not stay behind
        session.shutdown()
        raise
    return session


def found_or_launched(find: Callable[[], Session | None], launch: Callable[[], Session]) -> tuple[Session, bool]:
    """The instance that `find` finds, when it is up, or else the one that `launch` starts; and whether it did.

    Raises:
        InstanceError: neither, since other programs start and end instances under the same name all the time.
        Exception: whatever the two raise; also what kept the instance of a faster program from coming up.
    """
    deadline = time.monotonic() + RACE_S
    while True:
        found = find()
        try:
            if found is None:
                return launch(), True
            if not controllers.is_up(found.name, found.controller):
                found.wait_until_ready(READY_S)
            return found, False
        except InstanceError as error:
            # Somebody was faster, or has given up what he started.
            if (found is None and not isinstance(error, NameTakenError)) or time.monotonic() > deadline:
                raise
        time.sleep(LOOK_AGAIN_S)  # nothing tells when a name becomes free


def _free(names: Sequence[InstanceName]) -> InstanceName:
    for name in names:
        actor = controllers.holder(name)
        if actor is None:
            return name
        if controllers.is_ours(actor):
            raise NameTakenError(f"another program has just started a serve instance {name.controller!r}")
    called = " and ".join(repr(name.controller) for name in names)
    raise InstanceError(
        f"no serve instance can start in Ray namespace {names[0].namespace!r}: actors of other programs, such as stock "
        f"Ray Serve, are called {called} there; set SERVE_COMPAT_CONTROLLER_NAME to a free name, for all programs and "
        "shells"
    )
