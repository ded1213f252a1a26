"""`python -m streamseg.commands`: the `streamseg` command where no script is installed."""

from streamseg.commands import main

main()
