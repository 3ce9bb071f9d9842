"""Draws the report of a study from its records: figures, tables, and the page.

    python -m experiments.report --records=results/street

Nothing is trained or coded: every number is computed from the CSV files there.
"""

from __future__ import annotations

from pathlib import Path

from experiments.study import report
from salcomp import cli
from salcomp.flags import Flags

FLAGS = Flags()
FLAGS.string(
    "records",
    "results/street",
    "Folder of the records that experiments.study wrote; the figures go there too.",
)
FLAGS.string(
    "page",
    None,
    "Markdown file to write; README.md beside the records by default, and "
    "results/README.md for the records that come with salcomp.",
)


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    records = Path(FLAGS.records)
    page = Path(FLAGS.page) if FLAGS.page else report.page_of(records)
    report.write(records, page)
    print(page)


if __name__ == "__main__":
    cli.run(main)
