"""`python -m certwright`."""

from certwright.cli.main import main

if __name__ == "__main__":
    main()
