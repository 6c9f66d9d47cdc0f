# The two commands of README.md on a fresh machine, as a user who is not root:
#   docker build -t defocus .
#   docker run --rm -v "$PWD/results:/home/photographer/defocus-results" defocus
#   docker run --rm defocus pytest
# The folder that is mounted must be writable by user 1000.
FROM python:3.11-slim

# git: tests read the history; fonts: PDF and charts
RUN apt-get update \
 && apt-get install -y --no-install-recommends git fonts-dejavu-core \
 && rm -rf /var/lib/apt/lists/*

RUN useradd --create-home --uid 1000 photographer
USER photographer
WORKDIR /home/photographer
ENV PATH=/home/photographer/env/bin:$PATH PYTHONUNBUFFERED=1

COPY --chown=photographer . source
RUN python -m venv env \
 && pip install --no-cache-dir './source[test]' \
 && mkdir defocus-results

# tests belong to the checkout, results to the home folder
ENTRYPOINT ["sh", "-c", "if [ \"$1\" = pytest ]; then cd source; fi; exec \"$@\"", "sh"]
CMD ["defocus-bench", "run", "--all"]
