"""Running scripts and lines: parsing them, running them one after another, and their transcripts."""
