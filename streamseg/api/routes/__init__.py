"""One file per route or group of routes: its paths, and how it answers."""
