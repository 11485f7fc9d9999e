from __future__ import annotations

from workerflow.runtime import cold_start

cold_start.begin()  # before anything else of the function is imported; its handler completes
