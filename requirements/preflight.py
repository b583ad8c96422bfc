"""Checks what the machine must have before anything is installed, and names the remedy.

Run with the Python that will make the virtual environment; uses nothing but the standard library.
"""

import ctypes
import importlib.util
import sys

PROBLEMS = []

if sys.version_info < (3, 11):  # noqa: UP036 (this file is what checks it)
    PROBLEMS.append(
        f"Python 3.11 or newer is needed; this is {sys.version_info[0]}.{sys.version_info[1]}. "
        "Name another: make PYTHON=python3.12 …"
    )
if importlib.util.find_spec("ensurepip") is None:
    PROBLEMS.append(
        "This Python cannot make virtual environments (ensurepip is missing). "
        "On Debian or Ubuntu: apt-get install python3-venv"
    )
if sys.platform.startswith("linux"):
    try:
        ctypes.CDLL("libgomp.so.1")
    except OSError:
        PROBLEMS.append(
            "LightGBM needs the library libgomp1. On Debian or Ubuntu: apt-get install libgomp1"
        )
if sys.platform == "darwin":
    try:
        ctypes.CDLL("libomp.dylib")
    except OSError:
        print("Note: LightGBM needs libomp; if it fails to load: brew install libomp")

for problem in PROBLEMS:
    print(problem, file=sys.stderr)
sys.exit(1 if PROBLEMS else 0)
