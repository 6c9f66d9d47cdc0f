"""Server of the page: access, requests, HTML document."""
