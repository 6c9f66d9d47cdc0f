"""The server of pages: access, one frame for pages with pairs; nothing here works without these."""

from defocus.extra_packages import require

for package in ("starlette", "uvicorn"):
    require(package, "pages")
