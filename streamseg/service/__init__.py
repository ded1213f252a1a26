"""Use cases of operators and of the API. They take ports and plain values; `wiring` supplies the stores."""
