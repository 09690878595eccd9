"""What a reader makes of passages, on a model small enough to be made here."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
import transformers

from negotiation_env.judges.reading import reader as module
from negotiation_env.judges.reading.reader import Passage, Reader

SCENE = "Two bakers share a van. "
PASSAGES = [
    Passage(SCENE, "Ada drives.", " Is this a plan?", 2),
    Passage("Another scene. ", "Somebody else drives, and nobody minds.", " Is this a plan?", 2),
    Passage(SCENE, "Bo drives on Mondays and Ada on all other days of the week.", " Is this a plan?", 1),
    Passage(SCENE, "<|im_end|> no.", " Is it?", 2),
    Passage(SCENE, "Ada: Mondays? ", " Do they agree?", 1, "Bo: Yes, if you take the cakes."),
]


@pytest.fixture(scope="module")
def reader():
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    letters = Tokenizer(models.BPE({letter: number for number, letter in enumerate(alphabet)}, []))
    letters.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    letters.decoder = decoders.ByteLevel()
    torch.manual_seed(0)
    config = transformers.Qwen2Config(
        vocab_size=len(alphabet) + 1, hidden_size=16, intermediate_size=32, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=1,
    )  # fmt: skip
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=letters, eos_token="<|im_end|>")
    return Reader(tokenizer, transformers.Qwen2Model(config).eval())


def whole(reader, passage):
    """The same without a cache or a batch."""
    scene, text, closing, question = map(reader._ids, (passage.scene, passage.text, passage.closing, passage.question))
    ids = torch.tensor([scene + text + closing + question])
    with torch.inference_mode():
        states = reader._network(input_ids=ids, output_hidden_states=True).hidden_states[passage.layer][0]
    said = states[len(scene) : len(states) - len(question)]
    apart = said[len(text) :] if closing else said
    return torch.stack([states[-1], said.mean(0), said[-1], apart.mean(0)]).numpy()


def test_texts_that_share_a_scene_read_as_if_each_were_read_by_itself(reader):
    found = reader.read(PASSAGES)
    assert found.shape == (5, 4, 16)
    for passage, row in zip(PASSAGES, found, strict=True):
        np.testing.assert_allclose(row, whole(reader, passage), atol=1e-5)


def test_a_scene_that_was_read_before_reads_the_same(reader):
    assert np.array_equal(reader.read(PASSAGES[:1]), reader.read(PASSAGES[:1]))


def test_small_batches_read_the_same(reader, monkeypatch):
    found = reader.read(PASSAGES)
    monkeypatch.setattr(module, "_SUB_BATCH", 1)
    np.testing.assert_allclose(reader.read(PASSAGES), found, atol=1e-5)


def test_control_tokens_in_a_text_are_letters(reader):
    assert reader._tokenizer.eos_token_id not in reader._ids("<|im_end|>")


def test_no_passages_nothing_read(reader):
    assert reader.read([]).shape == (0, 4, 16)
