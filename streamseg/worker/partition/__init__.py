"""One partition's owner: absorbs runs, flushes rows, delivers what was decided."""
