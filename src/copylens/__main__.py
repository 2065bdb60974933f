"""``python -m copylens`` is the ``copylens`` command."""

from copylens.cli.main import main

if __name__ == "__main__":
    main()
