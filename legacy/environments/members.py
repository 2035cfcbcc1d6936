"""Which members of a foreign tar file may be unpacked. Pure: names in, names or an error out."""

from __future__ import annotations

import posixpath
import tarfile

from legacy.errors import EnvironmentFailedError


class Members:
    """Checks the members of one archive in their order.

    Nothing may leave the directory, neither by name nor through a link of the archive itself.

    Args:
        label: the environment, for errors.
    """

    def __init__(self, label: str) -> None:
        self._label = label
        self._links: set[str] = set()
        self._files: set[str] = set()

    def place(self, member: tarfile.TarInfo) -> str:
        """Where the member goes, relative to the directory; "" for the directory itself.

        Raises:
            EnvironmentFailedError: it would leave the directory, or is neither a file, a directory nor a link.
        """
        if not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
            raise self._refused(member.name, "is a device or a pipe")
        name = self._inside(member.name, member.name)
        if member.issym():
            self._check_link(member, name)
            self._links.add(name)
        elif member.islnk():
            if self._inside(member.linkname, member.name) not in self._files:
                raise self._refused(member.name, f"is a hard link to {member.linkname!r}, no file before it")
            self._files.add(name)
        elif member.isreg():
            self._files.add(name)
        return name

    def target(self, member: tarfile.TarInfo) -> str:
        """The file, relative to the directory, that a hard link repeats."""
        return self._inside(member.linkname, member.name)

    def _inside(self, name: str, shown: str) -> str:
        if name.startswith("/") or "\0" in name:
            raise self._refused(shown, "has an absolute name")
        if ".." in name.split("/"):
            raise self._refused(shown, "leaves the directory with '..'")
        clean = posixpath.normpath(name)
        above = posixpath.dirname(clean)
        while above:
            if above in self._links:
                raise self._refused(shown, f"lies behind the link {above}")
            above = posixpath.dirname(above)
        if clean in self._links:
            raise self._refused(shown, "is written through a link")
        return "" if clean == "." else clean

    def _check_link(self, member: tarfile.TarInfo, name: str) -> None:
        if member.linkname.startswith("/"):
            raise self._refused(member.name, f"is a link to the absolute path {member.linkname!r}")
        end = posixpath.normpath(posixpath.join(posixpath.dirname(name), member.linkname))
        if end == ".." or end.startswith("../"):
            raise self._refused(member.name, f"is a link out of the directory, to {member.linkname!r}")

    def _refused(self, name: str, why: str) -> EnvironmentFailedError:
        return EnvironmentFailedError(
            f"environment {self._label}: the archive is refused: {name!r} {why}; pack it with "
            "`serve-compat env pack` or conda-pack"
        )
