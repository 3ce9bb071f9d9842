"""The rooms of the code, and which may import which."""

from __future__ import annotations

import ast
import functools
import pathlib

import pytest

from tests.fixtures import ROOT

# From the ground up: a module imports from its own room and from those before it.
FLOORS = (
    ("salcomp", "salcomp.errors", "salcomp.flags", "salcomp.cli", "salcomp.progress"),
    ("salcomp.files",),
    ("salcomp.config",),
    ("salcomp.metrics",),
    ("salcomp.data",),
    ("salcomp.model",),
    ("salcomp.runs",),
    ("salcomp.zoo",),
    ("salcomp.codec",),
    ("salcomp.training",),
    ("salcomp.accelerator",),
    ("salcomp.evaluation",),
    ("salcomp.extreme_gan",),
    ("salcomp.recurrent",),
    ("data_prep.pipeline", "data_prep.predictors", "data_prep"),
    ("experiments",),
)
# What data_prep may take of salcomp, which knows nothing of either of the others.
FOR_DATA_PREP = ("salcomp", "salcomp.errors", "salcomp.cli", "salcomp.flags")
FOR_DATA_PREP += ("salcomp.files", "salcomp.progress")
# Command lines: flags and wiring, which nobody imports but their other names.
DOORS = (
    *(f"salcomp.{name}" for name in ("train", "compress", "decompress", "evaluate")),
    *("salcomp.export", "salcomp.export_step", "salcomp.run_step", "salcomp.__main__"),
    "salcomp.compare",
    *(f"salcomp.extreme_gan.{name}" for name in ("train", "compress", "decompress")),
    *("salcomp.extreme_gan.export", "salcomp.recurrent.train"),
    *(f"data_prep.{name}" for name in ("prepare", "preview", "score_saliency")),
    *("data_prep.convert_sam", "data_prep.verify_sam", "data_prep.get_weights"),
    "data_prep.fit_readout",
)
ALIASES = {
    f"salcomp.extreme_gan.{name}": f"salcomp.{name}"
    for name in ("compress", "decompress", "export")
}
# Where modules run that have only numpy, Pillow and JAX beside them.
WITHOUT_TENSORFLOW = "salcomp.run_step"


@functools.cache
def modules() -> dict[str, pathlib.Path]:
    found = {}
    for package in ("salcomp", "data_prep", "experiments"):
        for path in (ROOT / package).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = path
    return found


def imported(module: str, deferred: bool = True) -> set[str]:
    """The modules that one imports, within functions too if `deferred`."""
    names = set()
    tree = ast.parse(modules()[module].read_text())
    nodes = list(ast.walk(tree) if deferred else tree.body)
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    for node in nodes:
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                names.add(full if full in modules() else node.module)
    return names


def own(names: set[str]) -> set[str]:
    return names & set(modules())


def floor(module: str) -> int:
    """The place in FLOORS of a module's room; that of its longest prefix."""
    places = {room: i for i, rooms in enumerate(FLOORS) for room in rooms}
    prefix = module
    while prefix not in places or (prefix == "salcomp" and module != prefix):
        prefix, _, last = prefix.rpartition(".")
        assert last, f"{module} is in no room"
    return places[prefix]


INNER = sorted(set(modules()) - set(DOORS))


@pytest.mark.parametrize("module", INNER)
def test_arrows_run_down_and_never_to_a_door(module):
    for other in own(imported(module)):
        assert other not in DOORS, f"{module} imports the door {other}"
        assert floor(other) <= floor(module), f"{module} imports {other}, a floor up"
        if module.startswith("data_prep") and other.startswith("salcomp"):
            assert other.startswith(FOR_DATA_PREP[1:]) or other == "salcomp"
        if module.startswith("data_prep"):
            assert not other.startswith("experiments")


@pytest.mark.parametrize("door", DOORS)
def test_doors_import_no_door_but_the_one_whose_other_name_they_are(door):
    assert own(imported(door)) & set(DOORS) <= {ALIASES.get(door)}


def test_no_imports_go_in_a_circle():
    done, path = set(), []

    def visit(module):
        assert module not in path, " -> ".join([*path[path.index(module) :], module])
        if module in done:
            return
        path.append(module)
        for other in sorted(own(imported(module)) - {module}):
            visit(other)
        done.add(path.pop())

    for module in modules():
        visit(module)


def test_what_runs_beside_jax_needs_numpy_and_pillow_alone():
    reached, new = set(), {WITHOUT_TENSORFLOW}
    while new:
        module = new.pop()
        reached.add(module)
        names = imported(module, deferred=False)
        new |= own(names) - reached
        others = {name.partition(".")[0] for name in names - own(names)}
        foreign = others & {"tensorflow", "absl", "scipy", "tqdm", "cv2", "matplotlib"}
        assert not foreign, f"{module} imports {foreign}"


def test_rooms_say_what_they_are_for_and_import_nothing_heavy():
    for name, path in modules().items():
        if path.name == "__init__.py":
            tree = ast.parse(path.read_text())
            assert ast.get_docstring(tree), f"{name} does not say what it is for"
            assert "tensorflow" not in imported(name)
