"""`python -m neurosim` is the command line."""

from neurosim.cli import main

raise SystemExit(main())
