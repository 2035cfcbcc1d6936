"""What all verbs have in common: which instance they mean, and the exit status that tells a shell how it went."""

from __future__ import annotations

import contextlib
import functools
import importlib
from collections.abc import Callable, Iterator
from typing import Any

import click

from legacy.errors import InstanceError, RayServeException
from legacy.printable import printable
from serve_compat.operations.progress import announced


class Refused(click.ClickException):
    """The instance did not do it; its own words say why."""

    exit_code = 1


class NotThere(click.ClickException):
    """There is no instance to talk to."""

    exit_code = 3


def on_instance(verb: Callable[..., None]) -> Callable[..., None]:
    """Give a verb the options that say which instance it works on, and call it with that instance in front."""

    @click.option(
        "--address", default="auto", show_default=True, envvar="RAY_ADDRESS", help="The Ray cluster, as in ray.init."
    )
    @click.option("--namespace", help="The Ray namespace of the instance; all are searched by default.")
    @click.option("--instance", metavar="NAME", help="An instance that belongs to a driver, by its controller's name.")
    @functools.wraps(verb)
    def wrapped(address: str, namespace: str | None, instance: str | None, **given: Any) -> None:
        if address == "local":
            raise click.UsageError("--address local would start a new cluster; give the address of a running one.")
        with exit_status(), contextlib.ExitStack() as stack:
            with announced("connecting"):
                found = stack.enter_context(_operations().connected(address, namespace, instance))
            verb(found, **given)

    return wrapped


@contextlib.contextmanager
def exit_status() -> Iterator[None]:
    """Turn errors into exit status 3 for no instance and 1 for a refusal, with the error's text on stderr."""
    try:
        yield
    except InstanceError as error:
        raise NotThere(printable(str(error), keep="\n")) from None
    except (RayServeException, ValueError, TypeError, LookupError, OSError) as error:
        text = error.args[0] if isinstance(error, KeyError) and error.args else error
        raise Refused(printable(str(text), keep="\n")) from None


def _operations() -> Any:
    # Ray takes a second to import; `serve-compat run`, --help and shell completion must not wait for it
    return importlib.import_module("serve_compat.operations.instance")
