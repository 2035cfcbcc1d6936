"""Ray Serve programs written for Ray 0.8 to 2.6, on today's Ray: `import serve_compat as serve`.

Every public name of the old `ray.serve` is here; it is loaded when first used, so that importing this package is cheap.
`serve-compat run script.py` and `serve_compat.install()` make `from ray import serve` mean this package.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

from serve_compat import _core  # first: refuses to go on when another package is in the place of our core
from serve_compat.runner.alias import find_moved_modules

# What the old package called ray.serve.handle is serve_compat.handle, for programs, pickles and what `migrate` writes.
# In a folder of their own these modules do not hide our packages. Only type checkers do not look there.
__path__.append(os.path.join(__path__[0], "modules"))


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return sorted(_names().PACKAGE)
    if not name.startswith("__"):
        names = _names()
        if name in names.PACKAGE:
            return importlib.import_module("legacy.public_names").load(name, names.PACKAGE[name], globals())
        if name in names.MODULES:
            # the old package imported its modules, so `serve.api.Client` worked without an import
            return importlib.import_module(f"{__name__}.{name}")
    raise importlib.import_module(f"{__name__}.names.teaching").missing(name, __name__, __dir__(), sys._getframe(1))


def __dir__() -> list[str]:
    return [*globals(), *_names().PACKAGE, *_names().MODULES]


def _names() -> Any:
    # when first asked: importing this package loads nothing of the core
    return importlib.import_module(f"{__name__}.names.public")


_core.check()
find_moved_modules()
