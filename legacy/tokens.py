"""Ray's tokens in a process that drives several clusters one after another, of which only some ask for tokens."""

from __future__ import annotations

import grpc

from legacy import cluster

ANSWER_S = 5.0
_HARMLESS_QUESTION = "/ray.rpc.NodeInfoGcsService/GetClusterId"


def forget_for(address: str | None) -> None:
    """Forget the tokens that Ray switched on for another cluster, where the one to be joined has none.

    Args:
        address: as `ray.init` takes it.
    """
    place = None if address == "local" else cluster.running_cluster(address or "auto")
    if place is not None and lets_everybody_in(place):
        cluster.forget_tokens()


def lets_everybody_in(place: str) -> bool:
    """Whether the cluster at "host:port" answers somebody who shows no token; False also when nobody answers."""
    with grpc.insecure_channel(place) as channel:
        try:
            channel.unary_unary(_HARMLESS_QUESTION)(b"", timeout=ANSWER_S)
        except grpc.RpcError:
            return False
    return True
