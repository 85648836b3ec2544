"""The search for schedules that break an algorithm: seed sweeps, coverage, liveness, and minimizing."""
