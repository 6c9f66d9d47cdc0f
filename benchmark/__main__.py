"""``python -m defocus.benchmark``: the command ``defocus-bench`` of this installation."""

from defocus.benchmark.cli import main

if __name__ == "__main__":
    main()
