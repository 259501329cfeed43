"""Start the extension from a checkout; the layer's zipapp has an entry point of its own."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from extension import run

run()
