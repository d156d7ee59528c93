"""What a run of the fault suite is told: its seed, and for how many rounds faults are injected.

The variables are taken out of the environment, where other tests would meet them as settings that do not exist.
"""

import os

SEED = int(os.environ.pop("FORBEAR_FAULT_SEED", "1"))
ROUNDS = int(os.environ.pop("FORBEAR_FAULT_ROUNDS", "1"))
