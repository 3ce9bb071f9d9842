"""The report: figures and pages of the studies, made from their records alone."""

from __future__ import annotations

import json
from pathlib import Path

from experiments import map_worth
from experiments.study.report import figures, today
from experiments.study.report.comparisons import Comparisons
from experiments.study.report.front import Front, Study
from experiments.study.report.judgement import Judgement
from experiments.study.report.page import Page
from experiments.study.report.records import StudyRecords
from salcomp.files.disk import write_file
from salcomp.files.results import write_csv

# Draws of the bootstrap over images.
RESAMPLES = 1000
# The studies that come with salcomp, the records of what maps are worth, in `results`.
TRUE, WRONG, WORTH = "true-maps", "street", ("refinement", "refinement_halves")
# Likewise the study of the codec of today, and the experiment with the recurrent one.
TODAY, RECURRENT = "today", "recurrent"


def page_of(records: Path) -> Path:
    """Where the page of a folder of records is."""
    return records / "README.md"


def write(records_folder: Path, page: Path, resamples: int = RESAMPLES) -> None:
    """Writes the figures, bd_rate.csv and the page of one study.

    Args:
      records_folder: of the study; figures and table go there.
      page: the Markdown file.
      resamples: draws of the bootstrap over images.

    Raises:
      InputError: a record is missing or damaged, or a file cannot be written.
    """
    records = StudyRecords(records_folder)
    compared = Comparisons(records, resamples)
    if _is_of_today(records):
        drawn = today.draw(records)
    else:
        drawn = figures.draw(records, compared)
    text = text_of(records, compared, drawn, page.parent)
    if rows := compared.rows():
        write_csv(records_folder / "bd_rate.csv", rows)
    write_file(page, text.encode())


def text_of(
    records: StudyRecords, compared: Comparisons, drawn: list[str], folder: Path
) -> str:
    """The page of one study, Markdown, else as `write`, which writes it.

    Args:
      records: of the study.
      compared: its comparisons.
      drawn: names of the figures in the records' folder.
      folder: that the page will be in, for its links.
    """
    if _is_of_today(records):
        return today.Page(records, compared).text()
    return Page(records, compared, drawn, folder).text()


def _is_of_today(records: StudyRecords) -> bool:
    """Whether a study is of the codec of today, rather than of maps."""
    return bool(records.series("hyper"))


def write_front(results: Path) -> Path:
    """Draws what maps are worth, and writes the front page of the results.

    The studies' BD-rates are those of their `bd_rate.csv`, which `write` has made.

    Args:
      results: folder of the records that come with salcomp.

    Returns:
      The page.

    Raises:
      InputError: as `write`.
    """
    folders = _worth_folders(results)
    map_worth.draw(folders, folders[0] / "map_worth.png")
    page = results / "README.md"
    write_file(page, front_text(results).encode())
    return page


def front_text(results: Path) -> str:
    """The front page, Markdown; else as `write_front`, which writes it."""
    true, wrong = (_study(results / name) for name in (TRUE, WRONG))
    folders = _worth_folders(results)
    worth = [point for folder in folders for point in map_worth.points(folder)]
    pictures = json.loads((folders[0] / "summary.json").read_text())["pictures"]
    return Front(true, wrong, worth, pictures, results / "README.md").text()


def _worth_folders(results: Path) -> list[Path]:
    return [results / name for name in WORTH if (results / name).is_dir()]


def _study(folder: Path) -> Study:
    records = StudyRecords(folder)
    known = records.rows("bd_rate.csv") if (folder / "bd_rate.csv").exists() else ()
    compared = Comparisons(records, 0, known)
    return Study(records, Judgement(records, compared))
