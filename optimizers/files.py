"""Files that are there whole, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from uuid import uuid4


@contextmanager
def written_whole(file: Path) -> Iterator[IO[Any]]:
    """Write to a temporary file beside it, which takes its name once it is complete on disk.

    Whoever is killed while writing leaves the old file, or none; never a part of the new one.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.parent / f".{file.name}.{uuid4().hex}"
    try:
        with part.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(file)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
