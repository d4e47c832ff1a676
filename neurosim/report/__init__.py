"""One HTML page of a run, readable without a network: `neurosim report RUN_DIR`.

Knows the folder that `ns.keep_run` wrote, and no network.
"""

from neurosim.report.page import page, write_page

__all__ = ["page", "write_page"]
