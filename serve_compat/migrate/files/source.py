"""Files as bytes and as text: encodings, byte order marks and line ends come back as they were; writes are atomic."""

from __future__ import annotations

import codecs
import io
import os
import shutil
import tempfile
import tokenize
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Source:
    """A decoded file.

    Attributes:
        text: without byte order mark, with its own line ends.
        encoding: of the file, as its coding line or mark says.
        mark: the byte order mark, b"" if it has none.
    """

    text: str
    encoding: str
    mark: bytes = b""

    def encoded(self, text: str) -> bytes:
        """Another text in this file's encoding.

        Raises:
            UnicodeEncodeError: the text has characters that the encoding lacks.
        """
        return self.mark + text.encode(self.encoding)


def decoded(content: bytes) -> Source:
    """A Python file's text, read as Python reads it, but with its line ends.

    Raises:
        UnicodeDecodeError, SyntaxError, LookupError: it is not in the encoding it claims, or that is none.
    """
    mark = codecs.BOM_UTF8 if content.startswith(codecs.BOM_UTF8) else b""
    encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
    encoding = "utf-8" if encoding == "utf-8-sig" else encoding
    return Source(content[len(mark) :].decode(encoding), encoding, mark)


def write(path: Path, content: bytes) -> None:
    """Replace a file in one step, keeping its mode bits; a symbolic link stays one.

    Raises:
        OSError: the directory or the file cannot be written; the file is as it was.
    """
    target = path.resolve()
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        shutil.copymode(target, name)
        os.replace(name, target)
    except BaseException:  # also Ctrl-C: the temporary file must not stay
        Path(name).unlink(missing_ok=True)
        raise


def write_new(path: Path, content: bytes) -> None:
    """Write a file that may be there already, in one step.

    Raises:
        OSError: it cannot be written.
    """
    if path.exists():
        write(path, content)
    else:
        path.write_bytes(content)
