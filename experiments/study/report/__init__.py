"""The report: tables, figures and page of a study, made from its records alone."""

from __future__ import annotations

from pathlib import Path

from experiments.study.report import figures
from experiments.study.report.comparisons import Comparisons
from experiments.study.report.page import Page
from experiments.study.report.records import StudyRecords
from salcomp.files.disk import write_file
from salcomp.files.results import write_csv

# Draws of the bootstrap over images.
RESAMPLES = 1000


def page_of(records: Path) -> Path:
    """Where the page of a folder of records is."""
    if records == Path("results/street"):
        return Path("results/README.md")
    return records / "README.md"


def write(records_folder: Path, page: Path, resamples: int = RESAMPLES) -> None:
    """Writes the figures, bd_rate.csv and the page.

    Args:
      records_folder: of the study; figures and table go there.
      page: the Markdown file.
      resamples: draws of the bootstrap over images.

    Raises:
      InputError: a record is missing or damaged, or a file cannot be written.
    """
    records = StudyRecords(records_folder)
    compared = Comparisons(records, resamples)
    drawn = figures.draw(records, compared)
    text = Page(records, compared, drawn, page.parent).text()
    if rows := compared.rows():
        write_csv(records_folder / "bd_rate.csv", rows)
    write_file(page, text.encode())
