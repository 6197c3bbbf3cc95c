"""The commands `runs`, `replay` and `train --resume`, and the pruning of a directory of runs."""

import json
import os
import subprocess
import sys

import pytest

from makemore_tui.core import run_list
from makemore_tui.core.errors import UserError
from tests.tui.test_cli import SMALL, call, strict
