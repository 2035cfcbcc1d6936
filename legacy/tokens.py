"""Ray's tokens in a process that drives several clusters one after another, of which only some ask for tokens."""

from __future__ import annotations

import grpc

from legacy import cluster

ANSWER_S = 5.0
_HARMLESS_QUESTION = "/ray.rpc.NodeInfoGcsService/GetClusterId"
_DIRECTLY = (("grpc.enable_http_proxy", 0),)  # as Ray itself, whatever http_proxy says


def forget_for(address: str | None) -> None:
    """Forget the tokens that Ray switched on for another cluster, where the one to be joined has none.

    Args:
        address: as `ray.init` takes it.
    """
    if address == "local":
        return
    try:
        place = cluster.running_cluster(address or "auto")
    except (ValueError, AttributeError):  # RAY_ADDRESS is one of Ray's client, ray://..., or Ray says what is wrong
        return
    if place is not None and lets_everybody_in(place):
        cluster.forget_tokens()


def lets_everybody_in(place: str) -> bool:
    """Whether the cluster at "host:port" answers somebody who shows no token; False also when nobody answers."""
    with grpc.insecure_channel(place, options=_DIRECTLY) as channel:
        try:
            channel.unary_unary(_HARMLESS_QUESTION)(b"", timeout=ANSWER_S)
        except grpc.RpcError:
            return False
    return True
