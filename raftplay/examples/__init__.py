"""Notebooks that ship with raftplay, by name: `raftplay examples --copy DIR` copies them."""

from importlib import resources

import msgspec

SUFFIX = ".ipynb"


class _Cell(msgspec.Struct):
    """A cell of a notebook, as far as it is read."""

    cell_type: str
    source: list[str]


class _Notebook(msgspec.Struct):
    """A notebook, as far as it is read."""

    cells: list[_Cell]


def names() -> list[str]:
    """Return the names of the files of all notebooks."""
    return sorted(file.name for file in resources.files(__name__).iterdir() if file.name.endswith(SUFFIX))


def data_of(name: str) -> bytes:
    """Return the bytes of a notebook."""
    return resources.files(__name__).joinpath(name).read_bytes()


def title_of(name: str) -> str:
    """Return the title of a notebook: its first line."""
    return "".join(_read(name).cells[0].source).split("\n")[0].lstrip("# ")


def code_of(name: str) -> list[str]:
    """Return the code of a notebook, cell by cell."""
    return ["".join(cell.source) for cell in _read(name).cells if cell.cell_type == "code"]


def _read(name: str) -> _Notebook:
    return msgspec.json.decode(data_of(name), type=_Notebook)
