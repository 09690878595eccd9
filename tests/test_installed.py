"""What is installed, from a wheel or as an editable, works in another folder and takes no name from its user."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.docs.pages import GET_STARTED, LEFT_OUT, ROOT, blocks, run_in_order, use_of_readme

pytestmark = pytest.mark.slow

OWN_AGENT = """
def speak(observation):
    news = observation.rpartition("[HEARD]")[2]
    return "I can live with that.\\nACCEPT" if "PROPOSE:" in news else "Hm.\\nPROPOSE: We take turns."
"""
MAKE = """
import importlib.util, gymnasium, negotiation_env
seat = gymnasium.make("negotiation_env/Negotiation-v0", opponent="scripted:compromising", judge="scripted")
seat.reset(seed=1)
seat.step("Hm.\\nPROPOSE: We take turns.")
print(negotiation_env.__file__, importlib.util.find_spec("agents").origin)
"""
TRAINING = 'model = "embedded"\njudge = "embedded"\nmax_steps = 1\ngroup_size = 2\nmax_turns = 2\n'
TRAINING += "max_turn_tokens = 8\nmax_completion_tokens = 8\neval_scenarios = 1\n"
BENCHMARK = 'judge = "scripted"\nconflict = 2\nmulti = 1\nopen = 1\n'
BENCHMARK += '[negotiators]\nmine = "scripted:compromising"\nother = "scripted:stubborn"\n'


@dataclass(frozen=True)
class Installed:
    """An environment that holds the package, and its dependencies out of the tests' own."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def pip(self, *arguments: str | Path) -> None:
        command = [sys.executable, "-m", "pip", "--python", self.python, "install", "-q", "--no-deps", *arguments]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode and "No matching distribution" in done.stderr:
            pytest.skip(f"pip reaches no registry with what {arguments[-1]} needs")
        assert done.returncode == 0, done.stderr

    def run(self, folder: Path, *command: str | Path) -> str:
        surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run(
            command, cwd=folder, env=surroundings, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    def negotiate(self, folder: Path, *arguments: str) -> str:
        return self.run(folder, self.python, "-m", "negotiation_env", *arguments)


def empty(folder: Path) -> Installed:
    """Without pip, and without the tests' own copy of the package: their packages come last, its link not at all."""
    venv.create(folder)
    made = Installed(folder)
    place = made.run(folder, made.python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    Path(place, "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return made


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """A folder with the wheel of this checkout, and below it one with the wheel of its source archive."""
    folder = tmp_path_factory.mktemp("archives")
    source = shutil.copytree(ROOT, folder / "checkout", symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT))
    builder = empty(folder / "builder")
    builder.pip("hatchling", "editables", "pathspec", "pluggy", "packaging", "trove-classifiers")
    builder.run(source, builder.python, "-m", "hatchling", "build", "-d", folder)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    builder.run(unpacked, builder.python, "-m", "hatchling", "build", "-t", "wheel", "-d", folder / "from_source")
    return folder


def wheel_in(folder):
    return next(folder.glob("*.whl"))


def test_the_wheel_of_the_source_archive_is_the_wheel(archives):
    with zipfile.ZipFile(wheel_in(archives)) as ours, zipfile.ZipFile(wheel_in(archives / "from_source")) as theirs:
        assert sorted(ours.namelist()) == sorted(theirs.namelist())
        assert all(ours.read(name) == theirs.read(name) for name in ours.namelist())


def test_the_wheel_holds_the_package_and_its_examples_and_nothing_else(archives):
    names = zipfile.ZipFile(wheel_in(archives)).namelist()
    top = {name.partition("/")[0] for name in names}
    ours = {"negotiation_env", "negotiation_verifiers.py"}
    assert {name for name in top if not name.endswith(".dist-info")} == ours
    for folder, place in {"negotiation_env": "", "agents": "agents/", "training": "training/"}.items():
        sources = [path for path in (ROOT / folder).rglob("*.*") if path.is_file() and path.suffix != ".pyc"]
        inside = {f"negotiation_env/{place}{path.relative_to(ROOT / folder).as_posix()}" for path in sources}
        assert inside - {"negotiation_env/interop/negotiation_verifiers.py"} <= {*names}  # which stands at the top
    assert "negotiation_env/examples/recipes/paper.toml" in names
    assert not any("/results/" in name for name in names)


def beside_another_agents(folder, *package):
    """Installed beside `openai-agents`, whose package is called `agents`."""
    made = empty(folder / "venv")
    made.pip("openai-agents")
    made.pip(*package)
    return made


@pytest.fixture(scope="module")
def wheel(archives, tmp_path_factory):
    return beside_another_agents(tmp_path_factory.mktemp("wheel"), wheel_in(archives))


@pytest.fixture(scope="module")
def editable(archives, tmp_path_factory):
    return beside_another_agents(tmp_path_factory.mktemp("editable"), "-e", archives / "checkout")


@pytest.fixture(params=["wheel", "editable"])
def installed(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def project(tmp_path):
    """A user's own folder, with packages that are called as ours once were."""
    for name in ("agents", "training"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    (tmp_path / "agents" / "mine.py").write_text(OWN_AGENT)
    (tmp_path / "own_training.toml").write_text(TRAINING)
    (tmp_path / "own_bench.toml").write_text(BENCHMARK)
    return tmp_path


def test_an_environment_is_made_beside_other_packages_called_agents(installed, project, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for folder, agents in ((project, project / "agents"), (elsewhere, installed.folder)):
        ours, theirs = installed.run(folder, installed.python, "-c", MAKE).split()
        assert not Path(ours).is_relative_to(ROOT)
        assert Path(theirs).is_relative_to(agents)


def test_a_users_own_agents_package_plays(installed, project):
    shown = installed.negotiate(
        project, "play", "--agents", "function:agents.mine:speak", "scripted:compromising", "--judge", "scripted"
    )
    assert "agreed after" in shown


def test_a_users_own_folder_without_an_init_file_plays(installed, tmp_path):
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "mine.py").write_text(OWN_AGENT)
    names = ["--agents", "function:training.mine:speak", "scripted:compromising", "--judge", "scripted"]
    assert "agreed after" in installed.negotiate(tmp_path, "play", *names)


def test_games_are_evaluated_benchmarked_and_shown(installed, project):
    pytest.importorskip("choix")
    names = ["--agents", "scripted:compromising", "scripted:stubborn", "--judge", "scripted"]
    installed.negotiate(project, "eval", *names, "--n", "2", "--out", "runs/a")
    installed.negotiate(project, "bench", "own_bench.toml", "--out", "runs/b")
    installed.negotiate(project, "view", "runs/b", "--no-open")
    assert "<html" in (project / "runs" / "b" / "report.html").read_text(encoding="utf-8")


def test_the_shipped_examples_run_where_they_were_copied(installed, project):
    command = installed.folder / "bin" / "negotiate"
    installed.run(project, command, "examples", ".")
    names = ["python:examples.custom_agent:Mediator", "scripted:accommodating", "--judge", "scripted"]
    assert "agreed" in installed.run(project, command, "play", "--agents", *names)


def test_a_training_with_a_config_of_ones_own_is_told_what_it_takes(installed, project):
    pytest.importorskip("torch")
    assert "nothing is written" in installed.negotiate(project, "train", "own_training.toml", "--dry-run")


@pytest.mark.models
def test_who_has_the_wheel_alone_and_pastes_readme_and_get_started_in_an_empty_folder_meets_no_error(wheel, tmp_path):
    """README's use trains, by a copy of an example; of Get started what needs no model."""
    pytest.importorskip("trl")
    wheel.run(tmp_path, wheel.folder / "bin" / "negotiate", "examples", ".")
    light = [block for block in blocks(GET_STARTED) if not block.loads_models]
    run_in_order([*use_of_readme(), *light], tmp_path, wheel.folder / "bin")
    assert (tmp_path / "runs" / "train" / "adapter").is_dir()
