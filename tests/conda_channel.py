"""A conda channel in a directory, with real packages: `python` is the running interpreter, the others are tiny.

    python              this interpreter, without its site-packages
    demo-dep 1.0, 2.0   the module demo_dep with its __version__; two backends cannot share one environment
    with-activation     activate.d and deactivate.d scripts, a variable, a library directory, a command
    shared-site         a .pth to the site-packages that the tests run in: Ray and what replicas need, without copying

Nothing is fetched from anywhere.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard

BASE = Path(sys.base_prefix)
VERSION = ".".join(map(str, sys.version_info[:3]))
MINOR = ".".join(map(str, sys.version_info[:2]))
SITE = sysconfig.get_paths()["purelib"]
SUBDIR = f"linux-{'aarch64' if os.uname().machine == 'aarch64' else '64'}"
LEFT_OUT = ("site-packages", "/test", "config-3", "idlelib", "lib2to3", "ensurepip", "tkinter", "turtle", "pydoc_data")
UNUSED = (".a", ".opt-1.pyc", ".opt-2.pyc")
ACTIVATE = """\
export DEMO_ACTIVATED="$CONDA_PREFIX"
export LD_LIBRARY_PATH="$CONDA_PREFIX/lib/demo${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
echo "activation scripts may print"
"""


@dataclass(frozen=True)
class Package:
    """A package to build; files are (path in the package, content or a file to copy)."""

    name: str
    version: str
    files: Sequence[tuple[str, bytes | Path]]
    depends: tuple[str, ...] = ()
    noarch_python: bool = False


def channel(directory: Path) -> str:
    """Build the channel; returns its file:// URL."""
    noarch = [
        *(_module("demo-dep", version, "demo_dep", f"__version__ = {version!r}\n") for version in ("1.0", "2.0")),
        Package("shared-site", "1", [("site-packages/zz_shared.pth", f"{SITE}\n".encode())], ("python",), True),
        Package("with-activation", "1", _activation_files()),
    ]
    for subdir, packages in ((SUBDIR, [_python()]), ("noarch", noarch)):
        folder = directory / subdir
        folder.mkdir(parents=True)
        built = dict(_build(package, folder, subdir) for package in packages)
        index = {"info": {"subdir": subdir}, "packages": {}, "packages.conda": built, "repodata_version": 1}
        (folder / "repodata.json").write_text(json.dumps(index))
    return directory.as_uri()


def environment(directory: Path, channel_url: str, name: str, *packages: str, share: bool = True) -> Path:
    """Install an environment with python and these packages; returns its prefix, <directory>/envs/<name>.

    Args:
        share: with the packages of the interpreter that runs the tests (Ray and so on).
    """
    prefix = directory / "envs" / name
    specs = [f"python {MINOR}.*", *packages, *(["shared-site"] if share else [])]
    request = {"channel": channel_url, "specs": specs, "prefix": str(prefix), "cache": str(directory / "pkgs")}
    command = [sys.executable, str(Path(__file__).resolve()), json.dumps(request)]
    subprocess.run(command, check=True, timeout=100)
    return prefix


def wheel(directory: Path, name: str, version: str) -> Path:
    """A wheel with the one module `name`, for pip without an index."""
    path = directory / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", f"__version__ = {version!r}\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


def _module(name: str, version: str, module: str, text: str) -> Package:
    return Package(name, version, [(f"site-packages/{module}/__init__.py", text.encode())], ("python",), True)


def _activation_files() -> list[tuple[str, bytes | Path]]:
    return [
        ("etc/conda/activate.d/demo.sh", ACTIVATE.encode()),
        ("etc/conda/deactivate.d/demo.sh", b"unset DEMO_ACTIVATED\nexport DEMO_DEACTIVATED=yes\n"),
        ("etc/conda/env_vars.d/demo.json", b'{"DEMO_VARIABLE": "from the \'package\'"}'),
        ("bin/demo-command", b"#!/bin/sh\necho demo\n"),
        ("lib/demo/keep", b""),
    ]


def _python() -> Package:
    files: list[tuple[str, bytes | Path]] = []
    for root, _, names in os.walk(BASE):
        inside = os.path.relpath(root, BASE)
        if inside.startswith(("share", "include")) or any(part in inside for part in LEFT_OUT):
            continue
        for name in names:
            path = os.path.normpath(os.path.join(inside, name))
            if not name.endswith(UNUSED) and (not path.startswith("bin/") or name.startswith("python")):
                files.append((path, Path(root, name)))
    return Package("python", VERSION, files)


def _build(package: Package, folder: Path, subdir: str) -> tuple[str, dict[str, Any]]:
    record: dict[str, Any] = {
        "name": package.name,
        "version": package.version,
        "build": "0",
        "build_number": 0,
        "depends": list(package.depends),
        "subdir": subdir,
    }
    if subdir == "noarch":
        record["noarch"] = "python" if package.noarch_python else "generic"
    members = [_member(target, source) for target, source in package.files]
    about = [
        (tarfile.TarInfo(f"info/{name}"), text) for name, text in _about(package, record, [each[2] for each in members])
    ]
    stem = f"{package.name}-{package.version}-0"
    path = folder / f"{stem}.conda"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", '{"conda_pkg_format_version": 2}')
        archive.writestr(f"pkg-{stem}.tar.zst", _tar([each[:2] for each in members]))
        archive.writestr(f"info-{stem}.tar.zst", _tar(about))
    data = path.read_bytes()
    return path.name, {**record, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _tar(members: Sequence[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        for info, data in members:
            info.size = len(data) if info.isreg() else 0
            archive.addfile(info, io.BytesIO(data) if info.isreg() else None)
    return zstandard.ZstdCompressor(level=1).compress(whole.getvalue())


def _member(target: str, source: bytes | Path) -> tuple[tarfile.TarInfo, bytes, dict[str, Any]]:
    info = tarfile.TarInfo(target)
    data = source if isinstance(source, bytes) else source.read_bytes()
    entry: dict[str, Any] = {"_path": target, "sha256": hashlib.sha256(data).hexdigest(), "size_in_bytes": len(data)}
    if isinstance(source, Path) and source.is_symlink():
        info.type, info.linkname = tarfile.SYMTYPE, os.readlink(source)
        return info, data, {**entry, "path_type": "softlink"}
    script = target.startswith("bin/")
    # compiled bytecode counts only with the time of its source
    info.mtime = int(source.stat().st_mtime) if isinstance(source, Path) else 0
    info.mode = source.stat().st_mode & 0o777 if isinstance(source, Path) else (0o755 if script else 0o644)
    entry["path_type"] = "hardlink"
    # only text: a placeholder in the interpreter's binary breaks sys.version
    if str(BASE).encode() in data and b"\0" not in data:
        entry |= {"prefix_placeholder": str(BASE), "file_mode": "text"}
    return info, data, entry


def _about(package: Package, record: dict[str, Any], paths: list[dict[str, Any]]) -> Iterator[tuple[str, bytes]]:
    yield "index.json", json.dumps(record).encode()
    yield "paths.json", json.dumps({"paths": paths, "paths_version": 1}).encode()
    yield "files", "\n".join(target for target, _ in package.files).encode()
    if package.noarch_python:
        link = {"noarch": {"type": "python"}, "package_metadata_version": 1}
        yield "link.json", json.dumps(link).encode()


async def _install(request: dict[str, Any]) -> None:
    import rattler

    channels = [rattler.Channel(request["channel"])]
    records = await rattler.solve(channels, request["specs"], platforms=[SUBDIR, "noarch"])
    await rattler.install(records, target_prefix=request["prefix"], cache_dir=request["cache"], show_progress=False)


if __name__ == "__main__":
    asyncio.run(_install(json.loads(sys.argv[1])))
    sys.stdout.flush()
    os._exit(0)  # the solver's library sometimes crashes in a normal exit of the interpreter
