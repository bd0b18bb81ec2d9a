"""`python -m bureau`: the command line without its installed script."""

from bureau.cli import main

main()
