"""Tests of the template: of each rule on small tables, and of the whole pipeline in temporary repositories."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
