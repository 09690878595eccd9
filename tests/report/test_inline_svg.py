import re
from xml.etree import ElementTree

from negotiation_env.report.plots import table_plots
from negotiation_env.statistics.intervals import Estimate
from negotiation_env.statistics.table import Table


def plots(*names, matrix=False):
    rows = tuple((name, Estimate(0.4, 0.2, 0.6, 10), Estimate(None, None, None, 0), 3) for name in names)
    return table_plots(Table("t", ("who", "agreed", "score", "n"), rows, matrix=matrix), "plot-1")


def test_each_column_of_estimates_with_a_value_is_a_plot():
    (svg,) = plots("base", "trained")
    assert {"agreed", "base", "trained", "0.40"} <= set(ElementTree.fromstring(svg).itertext())
    assert plots("base", matrix=True) == []


def test_a_plot_brings_no_style_and_only_the_pages_colours():
    (svg,) = plots("base")
    assert "style" not in svg
    assert not re.search(r"#[0-9a-f]{6}", svg)
    assert {"ink", "faint", "grid", "tone-0"} == set(re.findall(r'class="([^"]+)"', svg))


def test_ids_of_two_plots_never_meet():
    (svg,) = plots("base")
    ids, used = set(re.findall(r' id="([^"]+)"', svg)), set(re.findall(r'(?:url\(#|href="#)([\w-]+)', svg))
    assert ids == used
    assert all(id.startswith("plot-1-") for id in ids)


def test_names_may_hold_anything():
    (svg,) = plots("$x_1$ costs $5", "<b>", "交渉者\u0000\n", "n" * 200)
    texts = set(ElementTree.fromstring(svg).itertext())
    assert {"$x_1$ costs $5", "<b>", "交渉者  ", "n" * 25 + "…"} <= texts
