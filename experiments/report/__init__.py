"""The report: tables, figures and page of a study, made from its records alone."""
