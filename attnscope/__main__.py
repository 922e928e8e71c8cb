"""`python -m attnscope`: the command line."""

from attnscope.cli.main import main

if __name__ == "__main__":
    main(prog_name="attnscope")
