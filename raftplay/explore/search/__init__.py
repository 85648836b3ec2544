"""The search for schedules that break an algorithm: trials with many seeds, and minimizing what they find."""
