"""What contributors do, one word each, in the active environment: `nox -s check`, `nox -s test`, `nox -s docs`."""

import nox

nox.options.default_venv_backend = "none"


@nox.session
def check(session: nox.Session) -> None:
    """Lint, format and types."""
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")


@nox.session
def test(session: nox.Session) -> None:
    """The fast tests, or what is named behind `--`."""
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """The site, with warnings as errors."""
    session.run("zensical", "build", "--strict")
