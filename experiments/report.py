"""Draws the reports of the studies, and of the recurrent codec, from their records.

    python -m experiments.report                            all that come with salcomp
    python -m experiments.report --records=runs/results     those of one study

Nothing is trained or coded: every number is computed from the CSV files there.
"""

from __future__ import annotations

from pathlib import Path

from experiments.recurrent import report as recurrent
from experiments.study import report
from salcomp import cli
from salcomp.errors import InputError
from salcomp.flags import Flags

FLAGS = Flags()
FLAGS.string(
    "records",
    None,
    "Folder of the records of one study, which experiments.study wrote; the figures go "
    "there too. By default those in results, and the front page beside them.",
)
FLAGS.string(
    "page",
    None,
    "Markdown file to write, with --records; README.md beside them by default.",
)
_RESULTS = Path("results")


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    if FLAGS.page and not FLAGS.records:
        raise InputError("--page is where the page of --records goes; give both")
    if FLAGS.records:
        folders = [Path(FLAGS.records)]
    else:
        names = report.TRUE, report.WRONG, report.TODAY
        folders = [_RESULTS / name for name in names if (_RESULTS / name).is_dir()]
    for folder in folders:
        page = Path(FLAGS.page) if FLAGS.page else report.page_of(folder)
        report.write(folder, page)
        print(page)
    if not FLAGS.records:
        if (_RESULTS / report.RECURRENT).is_dir():
            print(recurrent.write(_RESULTS / report.RECURRENT))
        print(report.write_front(_RESULTS))


if __name__ == "__main__":
    cli.run(main)
