"""What callers of handles are told who have waited in vain."""

from __future__ import annotations

from legacy.errors import BackendDeletedError, DeadlineError, EndpointMissingError


def no_news(name: str, waited_s: float) -> DeadlineError:
    """Whether the endpoint exists is not known."""
    return DeadlineError(
        f"no routing news came from the controller within {waited_s:g} s, so whether endpoint {name!r} "
        "exists is unknown; see with serve-compat status whether the instance runs, and try again"
    )


def no_endpoint(name: str, waited_s: float) -> EndpointMissingError:
    """The endpoint has not appeared."""
    return EndpointMissingError(
        f"endpoint {name!r} does not exist and was not created within {waited_s:g} s; "
        "create_endpoint() or deploy() it first, or check the name"
    )


def deleted(name: str, tag: str, waited_s: float) -> BackendDeletedError:
    """The endpoint is gone, and the backend that its handles go on with is, too."""
    what = f"deployment {name!r} was" if name == tag else f"endpoint {name!r} and its backend {tag!r} were"
    return BackendDeletedError(
        f"{what} deleted and did not come back within {waited_s:g} s; deploy() or create it again, or call another "
        "one with a handle of its own"
    )


def no_slot(name: str, tag: str, waited_s: float) -> DeadlineError:
    """No replica had a free slot."""
    return DeadlineError(
        f"no replica of backend {tag!r} had a free slot for a call to endpoint {name!r} within {waited_s:g} s; "
        "raise num_replicas or max_concurrent_queries, or see whether its replicas run"
    )
