"""`python -m negotiation_env` is `negotiate`."""

from negotiation_env.cli import main

main()
