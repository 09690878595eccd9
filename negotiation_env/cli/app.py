"""The `negotiate` application; the modules beside this one add its commands."""

import typer

__all__ = ["app"]

app = typer.Typer(
    help="Language models with opposing personas negotiate a dilemma; a judge scores their joint answer.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # to load rich takes as long as all else that --help needs
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
