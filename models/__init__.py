"""Defines the trained model and how it scores and explains; imports only `features`.

Imports features and nothing else of this project.
"""

import os

# OpenMP's threads spin while they wait. Beside another busy process on a small machine that slowed
# training down from 14 seconds to over ten minutes. Read when the library loads, hence here.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
