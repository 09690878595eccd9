"""The HTML file of a report.

Everything in it is untrusted but the `report.*` files beside this module. What the template writes is escaped by
jinja2; what the script reads is JSON or base64 inside elements that never run, without a character that could end
them; and the page's policy lets no other script and style act than those two, and nothing load from anywhere.
"""

import base64
import gzip
from typing import Any, Final

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup
from pydantic_core import to_json

from negotiation_env.report.assets import content_policy, text_of
from negotiation_env.report.contents import contents
from negotiation_env.report.folder import Run
from negotiation_env.report.overview import overview
from negotiation_env.report.plots import run_plots, table_plots
from negotiation_env.statistics.intervals import Estimate
from negotiation_env.statistics.table import cell_text
from negotiation_env.version import __version__

__all__ = ["embed_json", "page"]

_SCRIPTS: Final = ("report.1-nodes.js", "report.2-list.js", "report.3-episode.js", "report.4-navigation.js")
"""One script in parts, for readers."""
_ESCAPES: Final = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)


def page(run: Run) -> str:
    """The whole file as text."""
    found, head = contents(run), overview(run)
    style, script = text_of("report.css"), "\n".join(map(text_of, _SCRIPTS))
    return _template().render(
        run=run,
        head=head,
        plots=[Markup(svg) for svg in run_plots(run)],
        table_plots=[[Markup(svg) for svg in table_plots(each, f"plot-{n}")] for n, each in enumerate(run.tables)],
        policy=content_policy(style, script),
        style=Markup(style),
        script=Markup(script),
        light=Markup(embed_json({"scenarios": found.scenarios, "rows": found.rows})),
        packed="\n".join(map(_pack, found.details)),
        version=__version__,
    )


def embed_json(value: Any) -> str:
    """A value as JSON that can stand inside an element of HTML; numbers that are none become null."""
    return to_json(value, inf_nan_mode="null").decode().translate(_ESCAPES)


def _pack(detail: object) -> str:
    """JSON, gzip, base64: letters that mean nothing to HTML."""
    return base64.b64encode(gzip.compress(to_json(detail, inf_nan_mode="null"), mtime=0)).decode()


def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["cell"] = cell_text
    environment.tests["estimate"] = lambda cell: isinstance(cell, Estimate)
    return environment.from_string(text_of("report.html.jinja"))
