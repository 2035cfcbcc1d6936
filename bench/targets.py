"""The figures this project promises, as data, and the verdict on each. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bench.values import Samples, Spread, spread

OURS = "serve-compat"
DEFAULT = "ray-serve"
RAY_SERVE = ("ray-serve", "ray-serve-haproxy", "ray-serve-throughput")
UVICORN = "uvicorn"
RAW = "raw-actor"

RATE_32 = "req/s, 32 connections"
RATE_1 = "req/s, 1 connection"
P50_1 = "p50 ms, 1 connection"
P99_32 = "p99 ms, 32 connections"
CALLS_MANY = "calls/s, 100 in flight"
CALLS_ONE = "calls/s, one by one"
SECONDS = "seconds"

ASYNC, SYNC, POST = HTTP_SCENARIOS = ("async hello", "sync hello", "1 KiB JSON POST")
SYNC_8 = "sync hello, 8 slots"
CALLS = "handle calls"
ONE_ENDPOINT = "1 endpoint"
MANY_ENDPOINTS = "10,000 endpoints"
ALONE = "1 backend"
SPLIT = "split 50/50 over 2 backends"
SHADOWED = "1 backend + 10% shadow"
LARGE_LOOP = "control loop, 10,000 replicas of 1,000 backends on 1,000 nodes"
SMALL_LOOP = "control loop, 100 replicas of 10 backends"
TICK = "one tick, ms"
CHANGE = "a change to one backend, ms"
KEYS = "keys published for it"
UVICORN_BEHIND_PROXY = "fastapi-behind-proxy"
LEGACY = "legacy endpoint"
DEPLOYED = "deployment"
FASTAPI = "FastAPI app"
REDEPLOY = "deploy() of an unchanged version"
ROLLING = "rolling update of 10 replicas, 100 requests/s"
REQUESTS = "requests"
FAILED = "requests that failed"
TOO_FEW = "samples with fewer than 8 replicas ready"
TOO_MANY = "samples with more than 10 replicas"
START_ONE = "one replica to its first answer"
START_EIGHT = "1 to 8 replicas"


@dataclass(frozen=True)
class Side:
    """Where one side of a comparison comes from. With several systems the best of each round counts."""

    scenario: str
    metric: str
    systems: tuple[str, ...]


@dataclass(frozen=True)
class Target:
    """`ours` compared with `factor * other + plus`, round by round; the median decides."""

    name: str
    ours: Side
    other: Side
    sign: Literal[">=", "<="]
    factor: float
    plus: float = 0.0

    def wanted(self) -> str:
        """The bound as text."""
        extra = f" + {self.plus:g} s" if self.plus else ""
        return f"{self.sign} {self.factor:g}x{extra}"


@dataclass(frozen=True)
class Limit:
    """A figure of ours that must stay below a bound, whatever others do."""

    name: str
    ours: Side
    bound: float
    unit: str

    def wanted(self) -> str:
        """The bound as text."""
        return f"< {self.bound:g} {self.unit}"


@dataclass(frozen=True)
class Cost:
    """What a feature costs: the rate with it over the rate without it. No target, but to be known."""

    name: str
    system: str
    with_it: str
    without_it: str

    def ratio(self, samples: Samples) -> Spread | None:
        """The ratio of the rates with 32 connections, formed inside each round."""
        with_it = samples.by_round(self.with_it, RATE_32, self.system)
        without_it = samples.by_round(self.without_it, RATE_32, self.system)
        return spread([with_it[number] / without_it[number] for number in sorted(with_it.keys() & without_it.keys())])


@dataclass(frozen=True)
class Verdict:
    """A target with what was measured."""

    name: str
    measured: Spread  # the ratio ours / other, or the figure itself
    unit: str
    wanted: str
    met: bool
    gap: float  # how far the bound is missed, as a share of it; 0 when met


def judge(target: Target | Limit, samples: Samples) -> Verdict | None:
    """Compare both sides in each round that has both; the median decides. None: nothing was measured."""
    if isinstance(target, Limit):
        return _judge_limit(target, samples)
    ours, other = _values(target.ours, target.sign, samples), _values(target.other, target.sign, samples)
    both = sorted(ours.keys() & other.keys())
    ratio = spread([ours[number] / other[number] for number in both])
    reached = spread([(ours[number] - target.plus) / other[number] for number in both])
    if ratio is None or reached is None:
        return None
    share = reached.median / target.factor
    gap = max(0.0, 1 - share if target.sign == ">=" else share - 1)
    return Verdict(target.name, ratio, "x", target.wanted(), gap == 0, gap)


def _judge_limit(limit: Limit, samples: Samples) -> Verdict | None:
    measured = spread(list(_values(limit.ours, "<=", samples).values()))
    if measured is None:
        return None
    gap = max(0.0, measured.median / limit.bound - 1)
    return Verdict(limit.name, measured, f" {limit.unit}", limit.wanted(), measured.median < limit.bound, gap)


def _values(side: Side, sign: str, samples: Samples) -> dict[int, float]:
    best = max if sign == ">=" else min
    merged: dict[int, float] = {}
    for system in side.systems:
        for number, value in samples.by_round(side.scenario, side.metric, system).items():
            merged[number] = best(merged[number], value) if number in merged else value
    return merged


def _http(scenario: str) -> list[Target]:
    ours = Side(scenario, RATE_32, (OURS,))
    return [
        Target(f"{scenario}: Ray Serve, default", ours, Side(scenario, RATE_32, (DEFAULT,)), ">=", 20),
        Target(f"{scenario}: Ray Serve, its fastest mode", ours, Side(scenario, RATE_32, RAY_SERVE), ">=", 2.5),
        Target(f"{scenario}: bare uvicorn", ours, Side(scenario, RATE_32, (UVICORN,)), ">=", 0.45),
        Target(
            f"{scenario}: p50, bare uvicorn",
            Side(scenario, P50_1, (OURS,)),
            Side(scenario, P50_1, (UVICORN,)),
            "<=",
            2,
        ),
    ]


def _calls(metric: str) -> list[Target]:
    ours = Side(CALLS, metric, (OURS,))
    raw, serve = Side(CALLS, metric, (RAW,)), Side(CALLS, metric, RAY_SERVE)
    return [
        Target(f"handle, {metric}: raw actor calls", ours, raw, ">=", 0.8),
        Target(f"handle, {metric}: Ray Serve's handle", ours, serve, ">=", 2.5),
    ]


def _start(scenario: str) -> Target:
    ours, raw = Side(scenario, SECONDS, (OURS,)), Side(scenario, SECONDS, (RAW,))
    return Target(f"{scenario}: raw actors", ours, raw, "<=", 1.3, plus=0.3 if scenario == START_ONE else 0.0)


TARGETS: tuple[Target | Limit, ...] = (
    *(target for scenario in HTTP_SCENARIOS for target in _http(scenario)),
    *_calls(CALLS_MANY),
    *_calls(CALLS_ONE),
    Target(
        "10,000 endpoints: one endpoint",
        Side(MANY_ENDPOINTS, RATE_32, (OURS,)),
        Side(ONE_ENDPOINT, RATE_32, (OURS,)),
        ">=",
        0.95,
    ),
    Target(
        "deployment: legacy endpoint",
        Side(DEPLOYED, RATE_32, (OURS,)),
        Side(LEGACY, RATE_32, (OURS,)),
        ">=",
        0.95,
    ),
    Target(
        "FastAPI ingress: the same app on bare uvicorn behind the same proxy",
        Side(FASTAPI, RATE_32, (OURS,)),
        Side(FASTAPI, RATE_32, (UVICORN_BEHIND_PROXY,)),
        ">=",
        0.9,
    ),
    Limit("deploy() of an unchanged version", Side(REDEPLOY, SECONDS, (OURS,)), 0.05, "s"),
    Limit("rolling update: failed requests of 6,000", Side(ROLLING, FAILED, (OURS,)), 1, "requests"),
    Limit("rolling update: samples below 8 ready replicas", Side(ROLLING, TOO_FEW, (OURS,)), 1, "samples"),
    Limit("rolling update: samples above 10 replicas", Side(ROLLING, TOO_MANY, (OURS,)), 1, "samples"),
    _start(START_ONE),
    _start(START_EIGHT),
    Limit("control loop: one tick over 10,000 replicas", Side(LARGE_LOOP, TICK, (OURS,)), 100, "ms"),
    Limit("control loop: keys published for one change", Side(LARGE_LOOP, KEYS, (OURS,)), 2, "keys"),
    Target(
        "control loop: a change among 1,000 backends, among 10",
        Side(LARGE_LOOP, CHANGE, (OURS,)),
        Side(SMALL_LOOP, CHANGE, (OURS,)),
        "<=",
        2,
    ),
)

COSTS: tuple[Cost, ...] = (
    Cost("a sync handler instead of an async one", OURS, SYNC, ASYNC),
    Cost("the same in Ray Serve, default", DEFAULT, SYNC, ASYNC),
    Cost("10,000 endpoints instead of one", OURS, MANY_ENDPOINTS, ONE_ENDPOINT),
    Cost("splitting over 2 backends", OURS, SPLIT, ALONE),
    Cost("a 10% shadow", OURS, SHADOWED, ALONE),
)
