"""What stands in README and the pages runs as pasted, and says what they say it says."""

import ast

import pytest

import negotiation_env
from negotiation_env.endpoints.endpoint import read_endpoint
from negotiation_env.judges.llm_file import read_llm_judge
from tests.docs.pages import GET_STARTED, PAGES, blocks, get_started, run_in_order, shows, use_of_readme

KINDS = {"bash", "python", "toml", "json", "text"}
READERS = {"endpoint.toml": read_endpoint, "judge.toml": read_llm_judge}
"""Of files for endpoints, which no command of the pages can call."""
FURTHER = [page for page in PAGES if page != GET_STARTED]
WITH_MODELS = [page for page in FURTHER if any(block.loads_models for block in blocks(page))]


@pytest.mark.slow
@pytest.mark.models
def test_who_follows_readme_and_pastes_it_and_get_started_in_order_meets_no_error(reader):
    assert "Collective Agency 3.00 of 5 by the scripted judge (a fake)" in reader.told
    run_in_order([*use_of_readme(), *get_started()], reader.checkout, reader.programs)


@pytest.mark.slow
@pytest.mark.parametrize("page", FURTHER, ids=lambda page: page.stem)
def test_every_block_of_a_page_runs_as_pasted_in_order(page, tmp_path, reader):
    run_in_order([block for block in blocks(page) if not block.loads_models], tmp_path, reader.programs)


@pytest.mark.models
@pytest.mark.parametrize("page", WITH_MODELS, ids=lambda page: page.stem)
def test_blocks_with_the_embedded_models_run_too(page, tmp_path, reader):
    run_in_order(
        [block for block in blocks(page) if block.loads_models or block.kind not in ("bash", "python")],
        tmp_path,
        reader.programs,
    )


@pytest.mark.parametrize("name", READERS)
def test_files_for_endpoints_can_be_read(name, tmp_path):
    (text,) = [block.text for page in PAGES for block in blocks(page) if block.title == name]
    (tmp_path / name).write_text(text, encoding="utf-8")
    READERS[name](tmp_path / name)


def test_no_page_takes_the_name_of_another_page_s_file():
    """Who reads the pages in one folder, one after the other, loses none."""
    titles = [title for page in PAGES for title in {block.title for block in blocks(page)} if title]
    assert sorted(titles) == sorted(set(titles))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_is_not_run_says_why(page):
    for block in blocks(page):
        assert block.kind in KINDS
        assert block.runs or block.remark.partition(":")[2].strip()
    assert page.read_text(encoding="utf-8").count("```") % 2 == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_pages_import_public_names_only(page):
    for tree in (ast.parse(block.text) for block in blocks(page) if block.kind == "python"):
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module.partition(".")[0] == "negotiation_env":
                adapter = node.module.startswith("negotiation_env.interop.")  # public too; its package may be missing
                assert adapter or node.module == "negotiation_env"
                assert adapter or {alias.name for alias in node.names} <= set(negotiation_env.__all__)
            elif isinstance(node, ast.Import):
                assert not any(alias.name.startswith("negotiation_env.") for alias in node.names)


def test_an_output_on_a_page_may_leave_lines_out_and_no_others():
    assert shows("a\nb", "a \nb\n")
    assert shows("⋮\nb\n⋮\nd", "a\nb\nc\nc\nd")
    assert not shows("⋮\nb\nd", "a\nb\nc\nd")
    assert not shows("a.", "ab")
