"""What clients send is shown to nobody it could harm."""

import json
import os
import stat
import subprocess
import sys

import pytest
import ray

import serve_compat as serve
from tests.programs import ROOT
from tests.ray.cluster import environment, free_port, runner

HEADERS = (
    "authorization cookie x-api-key x-auth-token x-amz-security-token x-csrf-token apikey x-goog-iap-jwt-assertion"
)
QUERY = "token access_token api_key apikey password secret sig signature"
NAME = "e\x1b]0;pwned\x07"
ESCAPES = "\x1b]0;pwned\x07\x1b[2J\x9b31m\r\u202e"
ASKING = """
import json
import sys

import ray
import requests
from ray import serve

ray.init("local", num_cpus=4, include_dashboard=False, log_to_driver=False)
client = serve.start(http_options={"port": int(sys.argv[1])})
client.create_backend("b", lambda request: "b")
client.create_endpoint("b", backend="b", route="/b")
requests.get(f"http://127.0.0.1:{sys.argv[1]}/b", timeout=30, **json.loads(sys.argv[2])).raise_for_status()
client.shutdown()
"""


def raising(request):
    raise LookupError(f"no such thing: {request.query_params['what']}")


def test_a_recording_holds_no_credentials_and_is_for_its_owner_only(tmp_path):
    path, program = tmp_path / "recorded", tmp_path / "program.py"
    path.touch()
    path.chmod(0o644)
    program.write_text(ASKING)
    headers = {name: f"s3cret-{name}" for name in HEADERS.split()}
    query = {**{name: f"s3cret-{name}" for name in QUERY.split()}, "page": "kept"}
    asked = json.dumps({"headers": {**headers, "x-model": "kept"}, "params": query})
    command = runner("--record", str(path), str(program), str(free_port()), asked)
    subprocess.run(command, env=environment(), timeout=100, check=True)
    text = path.read_text()
    assert text.count("kept") == 2, text
    assert "s3cret" not in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def said(instance, *verb):
    address = ray.get_runtime_context().gcs_address
    where = ("--address", address, "--instance", instance.client._session.name.controller)
    command = [sys.executable, "-m", "serve_compat", *verb, *where]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.mark.parametrize("verb", [("status",), ("routes",), ("status", "--json")])
def test_what_clients_and_programs_say_cannot_steer_an_operators_terminal(instance, verb):
    serve.create_backend("b", raising)
    serve.create_endpoint(NAME, backend="b", route="/e")
    assert instance.get("/e", params={"what": ESCAPES}).status_code == 500
    shown = said(instance, *verb)
    assert "pwned" in shown
    assert [mark for mark in shown if not (mark.isprintable() or mark == "\n")] == []
    instance.client.delete_endpoint(NAME)
    instance.client.delete_backend("b")
