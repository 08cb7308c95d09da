"""`python -m ui` is `inkling`, from this checkout."""

from ui.cli import app

app()
