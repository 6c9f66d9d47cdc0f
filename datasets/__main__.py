"""``python -m defocus.datasets``: the command ``defocus-data`` of this installation."""

from defocus.datasets.cli import main

if __name__ == "__main__":
    main()
