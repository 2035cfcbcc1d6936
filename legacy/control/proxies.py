"""The HTTP proxies of an instance: starts them, watches them, and ends those that hang."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ray.exceptions import RayActorError, RayError

from legacy.cluster import Node
from legacy.constants import PROXY_NAME, PROXY_READY_S
from legacy.control.instance import STOP_S, InstanceStart
from legacy.control.proxy_plan import has_standby, is_due, is_hung, nodes_with_proxy, shown
from legacy.endless import go_on
from legacy.logs import logger
from legacy.process import Process
from legacy.records import ProxyLook, ProxyStart, ProxyState

ANSWER_S = 4.0  # for a look, which waits for news for a second
AGAIN_S = 0.1
ANEW_S = 1.0  # before another one is made in the place of one that Ray gave up: it may fail like that one


@dataclass
class _Proxy:
    """One of a node's proxies.

    Attributes:
        misses: looks in a row that it did not answer.
        ended: how often it has been ended since it last answered.
    """

    name: str
    actor: Any
    state: ProxyState = ProxyState.STARTING
    process: Process | None = None
    address: tuple[str, int] | None = None
    error: Exception | None = None
    misses: int = 0
    ended: int = 0
    watch: asyncio.Task[None] | None = None


@dataclass
class _Site:
    """A node's proxies: the second one stands by, or the first one, after it was killed once.

    Attributes:
        served_since: loop time at which one of them was seen to listen for the first time.
    """

    node_id: str
    proxies: list[_Proxy] = field(default_factory=list)
    served_since: float | None = None

    @property
    def runs(self) -> _Proxy | None:
        """The one that listens."""
        return next((proxy for proxy in self.proxies if proxy.state is ProxyState.RUNNING), None)

    @property
    def error(self) -> Exception | None:
        """Why none of them can."""
        errors = [proxy.error for proxy in self.proxies]
        return errors[0] if errors and None not in errors else None


class Proxies:
    """Keeps the proxies of each chosen node. One event loop."""

    def __init__(self, launcher: Any, instance: InstanceStart) -> None:
        self._launcher = launcher
        self._instance = instance
        self._sites: dict[str, _Site] = {}
        self._news = asyncio.Event()
        self._ending: set[asyncio.Task[None]] = set()

    def nodes_changed(self, nodes: Sequence[Node]) -> None:
        """Start proxies on new nodes, end those on nodes that are not chosen any more; once a second."""
        chosen = nodes_with_proxy(self._instance.options, nodes)
        for node_id in [known for known in self._sites if known not in chosen]:
            self._spawn(self._end(self._sites.pop(node_id).proxies))
        for node_id in chosen:
            site = self._sites.get(node_id)
            if site is None:
                site = self._sites[node_id] = _Site(node_id)
                self._add(site, self._launcher.find(self._name(site)))
                second = self._launcher.find(self._name(site)) if has_standby(self._instance.options) else None
                if second is not None:  # the controller before this one made it
                    self._add(site, second)
            elif len(site.proxies) == 1 and self._is_due(site):
                self._add(site)

    async def ready(self) -> dict[str, tuple[str, int]]:
        """Wait until every chosen node is served; node id -> (host, port).

        Raises:
            OSError: the address is in use or cannot be bound.
            TimeoutError: a proxy was not up within a minute.
        """
        try:
            await asyncio.wait_for(self._served(), PROXY_READY_S)
        except asyncio.TimeoutError:
            slow = [self._name(site, 0) for site in self._sites.values() if site.runs is None]
            raise TimeoutError(
                f"HTTP proxies {slow} were not ready after {PROXY_READY_S} s; "
                "see their logs, or use location='NoServer'"
            ) from None
        runs = {node_id: site.runs for node_id, site in self._sites.items()}
        return {node_id: proxy.address for node_id, proxy in runs.items() if proxy and proxy.address}

    async def stop(self) -> None:
        """Close every proxy's port, then end its process."""
        sites, self._sites = list(self._sites.values()), {}
        await self._end([proxy for site in sites for proxy in site.proxies])
        await asyncio.gather(*self._ending, return_exceptions=True)

    def actors(self) -> dict[str, Any]:
        """proxy name -> its actor."""
        return {proxy.name: proxy.actor for site in self._sites.values() for proxy in site.proxies}

    def states(self) -> dict[str, str]:
        """proxy name -> "RUNNING", "STANDBY", "STARTING" or the reason it does not run."""
        return {
            proxy.name: shown(proxy.state, proxy.error, site.runs is not None)
            for site in self._sites.values()
            for proxy in site.proxies
        }

    def _name(self, site: _Site, number: int | None = None) -> str:
        """Of one of a node's proxies, by default of the next one."""
        return f"{PROXY_NAME}-{site.node_id}-{len(site.proxies) if number is None else number}"

    def _is_due(self, site: _Site) -> bool:
        since = site.served_since
        served_s = None if since is None else asyncio.get_running_loop().time() - since
        return is_due(self._instance.options, served_s)

    def _add(self, site: _Site, found: Any = None) -> None:
        proxy = _Proxy(self._name(site), found)
        if found is None:
            proxy.actor = self._make(site, proxy.name, stands_by=bool(site.proxies))
        site.proxies.append(proxy)
        watching = go_on(f"the watch over {proxy.name}", partial(self._watch, site, proxy), ANEW_S)
        proxy.watch = asyncio.ensure_future(watching)

    def _make(self, site: _Site, name: str, stands_by: bool) -> Any:
        options = self._instance.options
        run_dir = self._instance.socket_dir if has_standby(options) else ""
        start = ProxyStart(name, site.node_id, self._instance.name, self._instance.options_blob, run_dir)
        return self._launcher.start_proxy(start, 0 if stands_by else options.num_cpus)  # one of the two works

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(coroutine)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _end(self, proxies: Sequence[_Proxy]) -> None:
        # All are told before one that listens is killed: who stands by would listen for a moment.
        for proxy in proxies:
            if proxy.watch is not None:
                proxy.watch.cancel()
            if proxy.state is ProxyState.STARTING:
                self._launcher.kill(proxy.actor)  # it has nothing to close, and would hear of it late
        awake = [proxy for proxy in proxies if proxy.state is not ProxyState.STARTING]
        closing = [asyncio.wait_for(proxy.actor.stop.remote(), STOP_S) for proxy in awake]
        await asyncio.gather(*closing, return_exceptions=True)
        for proxy in awake:
            self._launcher.kill(proxy.actor)

    async def _served(self) -> None:
        while True:
            news = self._news
            sites = list(self._sites.values())
            for site in sites:
                if site.error is not None:
                    raise site.error
            if all(site.runs is not None for site in sites):
                return
            await news.wait()

    async def _watch(self, site: _Site, proxy: _Proxy) -> None:
        """Know what a proxy does. Ray restarts it when it dies, and should Ray give up, it is made anew here."""
        while True:
            try:
                look = await asyncio.wait_for(proxy.actor.look.remote(proxy.state), ANSWER_S)
            except asyncio.TimeoutError:
                proxy.misses += 1
                if is_hung(proxy.state, proxy.misses, proxy.ended):
                    await self._end_hung(site, proxy)
            except RayActorError as error:
                self._died(proxy, type(error).__name__)
                await asyncio.sleep(AGAIN_S)
                if self._launcher.find(proxy.name) is None:
                    await asyncio.sleep(ANEW_S)
                    proxy.actor = self._make(site, proxy.name, stands_by=proxy is not site.proxies[0])
            except RayError as error:
                logger.error("%s does not say what it does: %s", proxy.name, error)
                await asyncio.sleep(ANSWER_S)
            else:
                self._heard(site, proxy, look)

    def _heard(self, site: _Site, proxy: _Proxy, look: ProxyLook) -> None:
        if look.state is ProxyState.FAILED and proxy.state is not ProxyState.FAILED:
            logger.error("%s cannot serve: %s", proxy.name, look.error)
        proxy.state, proxy.process, proxy.address, proxy.error = look.state, look.process, look.address, look.error
        proxy.misses = proxy.ended = 0
        if look.state is ProxyState.RUNNING and site.served_since is None:
            site.served_since = asyncio.get_running_loop().time()
        self._tell()

    def _died(self, proxy: _Proxy, why: str) -> None:
        if proxy.state is not ProxyState.STARTING:
            logger.warning("%s is gone (%s), coming back", proxy.name, why)
        proxy.state, proxy.address, proxy.error, proxy.misses = ProxyState.STARTING, None, None, 0
        self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def _end_hung(self, site: _Site, proxy: _Proxy) -> None:
        """By the other one of its node, at once; Ray gives a stopped process 5 s more."""
        logger.error("%s has not answered for %g s: it is ended", proxy.name, ANSWER_S * proxy.misses)
        proxy.ended += 1
        for other in site.proxies if proxy.process is not None else ():
            if other is not proxy and not other.misses and other.state is not ProxyState.STARTING:
                with contextlib.suppress(RayError, asyncio.TimeoutError):
                    if await asyncio.wait_for(other.actor.end.remote(proxy.process), ANSWER_S):
                        self._died(proxy, "ended")
                        return
        self._launcher.restart(proxy.actor)
        self._died(proxy, "ended")
