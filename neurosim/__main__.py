"""`python -m neurosim` is the command line."""

import sys

from neurosim.cli import main

sys.exit(main())
