"""``python -m defocus.capture``: the command ``defocus-capture`` of this installation."""

from defocus.capture.cli import main

if __name__ == "__main__":
    main()
