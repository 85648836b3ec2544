"""Random walks over bare consensus modules: no servers, no real timers; every message waits until it is picked."""
