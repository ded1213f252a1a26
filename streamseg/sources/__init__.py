"""Sources of events other than the shop's own producers: files to replay, and FitGear, a simulated shop."""
