"""`python -m streamseg.commands`: runs the `streamseg` command without an installed script."""

from streamseg.commands import main

main()
