"""Presentation stays pure: importing all of it loads neither Textual nor the store's ORM."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import tui.presentation


def test_presentation_loads_no_toolkit() -> None:
    ours = ("cells", "format", "glyphs", "states")
    assert set(ours) <= {module.name for module in pkgutil.iter_modules(tui.presentation.__path__)}
    imports = "".join(f"import tui.presentation.{name}\n" for name in ours)
    heavy = "{'textual', 'rich', 'sqlmodel', 'sqlalchemy', 'pydantic'}"
    subprocess.run([sys.executable, "-c", f"{imports}import sys\nassert not {heavy} & set(sys.modules)"], check=True)
