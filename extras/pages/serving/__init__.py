"""The server of pages: access control, and one frame for pages with pairs."""

from defocus.extra_packages import require

for package in ("starlette", "uvicorn"):
    require(package, "pages")
