"""Reading the arguments of the verbs, and choosing what they mean among what is registered. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from legacy.records import InstanceName
from legacy.session.places import found_by_itself

Kind = Literal["endpoint", "backend", "deployment"]


def share(text: str) -> float:
    """A share as a shell user writes it, "0.25" or "25%"; ValueError for anything else."""
    number, percent = (text[:-1], 100) if text.endswith("%") else (text, 1)
    try:
        return float(number) / percent
    except ValueError:
        raise ValueError(f"{text!r} is no share; write it as 0.25 or 25%") from None


def weights(pairs: Sequence[str]) -> dict[str, float]:
    """A traffic split as a shell user writes it, BACKEND=SHARE as often as needed; ValueError for another form."""
    split: dict[str, float] = {}
    for pair in pairs:
        tag, equals, number = pair.rpartition("=")  # a backend's tag may hold "=", a share not
        if not equals or not tag:
            raise ValueError(f"{pair!r} is not of the form BACKEND=SHARE, such as new=0.1 or new=10%")
        if tag in split:
            raise ValueError(f"backend {tag!r} comes twice")
        split[tag] = share(number)
    return split


def kind_of(name: str, status: Mapping[str, Any]) -> Kind:
    """What `delete NAME` means: a deployment is a backend with an endpoint of the same name, made together.

    Args:
        status: the controller's report.

    Raises:
        LookupError: nothing is called so, or two things that do not belong together are.
    """
    endpoint, backend = status["endpoints"].get(name), status["backends"].get(name)
    if backend is not None and backend["style"] == "deployment":
        return "deployment"
    if backend is not None and endpoint is not None:
        raise LookupError(f"{name!r} is an endpoint and a backend; say --endpoint or --backend")
    if backend is None and endpoint is None:
        raise LookupError(unknown("endpoint, backend or deployment", name, {*status["endpoints"], *status["backends"]}))
    return "endpoint" if backend is None else "backend"


def check_registered(kind: Kind, name: str, status: Mapping[str, Any]) -> None:
    """Raise LookupError when there is nothing of that kind and name: what the API forgives is a slip in a shell."""
    known = status["endpoints" if kind == "endpoint" else "backends"]
    if kind == "deployment":
        known = [tag for tag, backend in known.items() if backend["style"] == "deployment"]
    if name not in known:
        raise LookupError(unknown(kind, name, known))


def check_scalable(backend: str, status: Mapping[str, Any]) -> None:
    """Raise ValueError for a backend whose number of replicas is not the operator's to choose."""
    bounds = status["backends"][backend]["autoscaling"]
    if bounds is not None:
        raise ValueError(
            f"{backend!r} scales by itself between {bounds[0]} and {bounds[1]} replicas; "
            "change its autoscaling_config, or deploy it with num_replicas"
        )


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """The text for a name that is not registered, with the closest one or all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    rest = f"did you mean {close[0]!r}?" if close else f"there is {', '.join(map(repr, names[:20])) or 'none'}"
    return f"no {what} is called {name!r}; {rest}"


def choose_instance(
    ours: Iterable[InstanceName],
    others: Iterable[InstanceName],
    namespace: str | None,
    instance: str | None,
    preferred: str,
) -> InstanceName | str:
    """The controller to talk to among those of a cluster.

    A detached instance is found by itself. One that belongs to a driver has to be named, since it is that driver's.

    Args:
        ours: of the running instances.
        others: actors of other programs that have such a name.
        namespace: the only one to look at; None for all.
        instance: a controller's name as the error text and `serve.start()`'s Client show it; None for a detached one.
        preferred: the name of a detached one that is taken where there are several.

    Returns:
        Its name, or the text to refuse with.
    """
    found = sorted(name for name in ours if namespace in (None, name.namespace))
    wanted = [name for name in found if name.controller == instance] if instance else found_by_itself(found, preferred)
    if len(wanted) == 1:
        return wanted[0]
    where = "in this cluster" if namespace is None else f"in Ray namespace {namespace!r}"
    if wanted:
        return f"several serve instances run {where}; choose with --namespace or --instance:{_listed(wanted)}"
    if instance is not None:
        where = f"called {instance!r} runs {where}"
    elif found:
        where = f"that outlives its driver runs {where}"
    else:
        where = f"runs {where}"
    strangers = [name for name in others if namespace in (None, name.namespace)]
    not_ours = f"\nstock Ray Serve's or another program's:{_listed(strangers)}" if strangers else ""
    hint = f"; these run:{_listed(found)}" if found else "; serve.start(detached=True) starts one"
    return f"no serve instance {where}{hint}{not_ours}"


def _listed(names: Iterable[InstanceName]) -> str:
    return "".join(f"\n  --namespace {name.namespace} --instance {name.controller}" for name in sorted(names))
