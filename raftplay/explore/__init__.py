"""Cases that nobody thought of: schedules of faults (search/), frames and scripts (fuzz/)."""
