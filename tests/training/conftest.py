import pytest


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory):
    """A transformers folder with SmolLM2's first two layers and its tokenizer, for runs in processes of their own."""
    from tests.conftest import small_network

    folder = tmp_path_factory.mktemp("small") / "model"
    for part in small_network():
        part.save_pretrained(folder)
    return folder
