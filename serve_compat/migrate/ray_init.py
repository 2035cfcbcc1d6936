"""DATA: keywords of `ray.init` that old releases knew and today's Ray does not take, and how they are called today.

The compatibility runner has the same table; a test compares the two.
"""

from __future__ import annotations

RENAMED_RAY_INIT_KEYWORDS: dict[str, str] = {
    "redis_address": "address",
    "include_webui": "include_dashboard",
    "webui_host": "dashboard_host",
    "redis_password": "_redis_password",
    "temp_dir": "_temp_dir",
    "node_ip_address": "_node_ip_address",
    "memory": "_memory",
    "driver_object_store_memory": "_driver_object_store_memory",
    "plasma_directory": "_plasma_directory",
    "enable_object_reconstruction": "_enable_object_reconstruction",
    "_internal_config": "_system_config",
}
_DROPPED = """
    redis_port num_redis_shards redis_max_clients redis_shard_ports huge_pages include_java job_id load_code_from_local
    _load_code_from_local java_worker_options _java_worker_options code_search_path _code_search_path use_pickle
    lru_evict _lru_evict redis_max_memory _redis_max_memory object_id_seed object_ref_seed raylet_socket_name
    plasma_store_socket_name worker_path autoscaling_config storage redirect_output redirect_worker_output
"""
REMOVED_RAY_INIT_KEYWORDS: dict[str, str | None] = {
    **RENAMED_RAY_INIT_KEYWORDS,
    **dict.fromkeys(_DROPPED.split()),
}
"""Old keyword -> today's, or None where it is to be left out."""
