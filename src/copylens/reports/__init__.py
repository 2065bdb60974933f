"""Findings in, words and files out: console, JSON, JSON Lines, CSV, Parquet, HTML, descriptors."""

from copylens.reports.console import render_summary
from copylens.reports.descriptor_files import check_descriptor_output, write_descriptors
from copylens.reports.document import Summary, summarise, table_rows, to_document, view_document
from copylens.reports.wording import human_bytes, turn_words
from copylens.reports.writers import check_output, write

__all__ = [
    "Summary",
    "check_descriptor_output",
    "check_output",
    "human_bytes",
    "render_summary",
    "summarise",
    "table_rows",
    "to_document",
    "turn_words",
    "view_document",
    "write",
    "write_descriptors",
]
