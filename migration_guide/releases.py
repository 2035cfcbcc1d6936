"""The releases of old Ray Serve: which row of legacy/generations.py each style of program is, and what of it was run.

generate.py writes the page reference/releases.md from it.
"""

from __future__ import annotations

from dataclasses import dataclass

from legacy.generations import DEPLOYMENT_1_4, V0_8, V1_0, V1_2, V1_4, V1_13, V2_3, Generation

INIT, CLIENT, MODULE = "`serve.init()`", "methods of a client", "module functions"
DEPLOY, GRAPH = "deployments", "graphs"
NOT_RUN = "not run"


@dataclass(frozen=True)
class Release:
    """Some releases that are alike.

    Attributes:
        first, last: of the releases; the same for one.
        era: what users say for it, where the calls do not tell.
        styles: its API styles, with the row of each.
        ran: each release of these on which originals ran, and what of them.
        own_tests: the release whose own Serve tests, of public behaviour, were run through `serve-compat run`.
        read: what its behaviour is known from beside that.
    """

    first: str
    last: str
    era: str
    styles: dict[str, Generation]
    ran: dict[str, str]
    own_tests: str = ""
    read: str = "nothing else"


_OLD_DEPLOYMENTS = {MODULE: V1_4, DEPLOY: DEPLOYMENT_1_4}
RELEASES = (
    Release("0.7", "0.7", "0.8", {INIT: V0_8}, {}, read="its documents; it can be installed nowhere any more"),
    Release(
        "0.8", "0.8", "0.8", {INIT: V0_8},
        {"0.8.5": "a whole program (`tests/early_programs`)", "0.8.7": "a whole program"}, "0.8.7", "its code (0.8.7)",
    ),
    Release("1.0", "1.0", "1.0", {CLIENT: V1_0}, {}, read="the code of 1.1"),
    Release(
        "1.1", "1.1", "1.0", {CLIENT: V1_0}, {"1.1.0": "a whole program, requests, results"}, read="its code",
    ),
    Release(
        "1.2", "1.2", "1.2", {CLIENT: V1_2},
        {"1.2.0": "conformance tests of the client, whole programs, requests, results, failures"}, "1.2.0", "its code",
    ),
    Release("1.3", "1.3", "1.4", _OLD_DEPLOYMENTS, {}, read="its code, and what was run of 1.4"),
    Release(
        "1.4", "1.4", "1.4", _OLD_DEPLOYMENTS,
        {"1.4.1": "conformance tests of module functions and of deployments as far as it has them, whole programs,"
                  " failures, both styles together"},
        read="its code",
    ),
    Release("1.5", "1.5", "1.4", _OLD_DEPLOYMENTS, {}, read="what its neighbours do"),
    Release("1.6", "1.6", "1.4", _OLD_DEPLOYMENTS, {}, "1.6.0", "its code"),
    Release("1.7", "1.7", "1.4", _OLD_DEPLOYMENTS, {}, read="what its neighbours do"),
    Release("1.8", "1.9", "1.13", {DEPLOY: V1_13}, {}, read="their code"),
    Release("1.10", "1.11", "1.13", {DEPLOY: V1_13}, {}, read="what their neighbours do"),
    Release(
        "1.12", "1.12", "1.13", {DEPLOY: V1_13, GRAPH: V1_13}, {"1.12.1": "graphs, the inputs of a `DAGDriver`"},
        read="its code",
    ),
    Release(
        "1.13", "1.13", "1.13", {DEPLOY: V1_13, GRAPH: V1_13},
        {"1.13.0": "all conformance tests of deployments, whole programs, results, apps, graphs"}, "1.13.0", "its code",
    ),
    Release("2.0", "2.2", "2.3", {DEPLOY: V2_3, GRAPH: V2_3}, {}, read="what was run of 2.3"),
    Release(
        "2.3", "2.3", "2.3", {DEPLOY: V2_3, GRAPH: V2_3},
        {"2.3.0": "conformance tests of deployments, results, apps, graphs step by step, namespaces, routes"},
        "2.3.0", "its code",
    ),
    Release("2.4", "2.6", "2.3", {DEPLOY: V2_3, GRAPH: V2_3}, {}, read="what was run of 2.3"),
)  # fmt: skip
