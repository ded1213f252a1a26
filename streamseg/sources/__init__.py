"""Where events come from besides the shop itself: files to replay, and FitGear, the simulated shop."""
