"""What this project needs from the package index, in the versions it allows, for who is told to install something.

This project itself is on no index, where anybody could take its name: nobody is told to install it by name.
"""

from __future__ import annotations

REQUIREMENTS = {
    "ray": "ray[client]>=2.50",
    "uvicorn": "uvicorn>=0.35,<0.60",
    "starlette": "starlette>=0.49.1,<2",
    "httptools": "httptools>=0.6.4,<0.10",
    "h11": "h11>=0.16",
    "uvloop": "uvloop>=0.21,<0.30",
    "websockets": "websockets>=13",
    "python_multipart": "python-multipart>=0.0.18",
    "click": "click>=8.1",
    "yaml": "pyyaml>=6",
    "pydantic": "pydantic>=2.7,<3",
    "conda_pack": "conda-pack>=0.8,<1",
    "rattler": "py-rattler>=0.20,<1",
    "zstandard": "zstandard>=0.23,<1",
    "libcst": "libcst>=1.5,<2",
    "pathspec": "pathspec>=0.12",
    "fastapi": "fastapi>=0.121",
    "werkzeug": "werkzeug>=2.3",
}
"""Module -> what to ask pip for."""
