"""Upload to the Hugging Face hub, or a compatible server, as a private repository."""

import re
from typing import Any

from defocus.errors import DefocusError, InputError
from defocus.extra_packages import require
from defocus.extras.publish.draft import Draft
from defocus.progress import say


def checked_repository(name: str) -> str:
    """Check the name of a repository."""
    if not re.fullmatch(r"[\w-][\w.-]{0,95}/[\w-][\w.-]{0,95}", name, re.ASCII):
        raise InputError(f"'{name}' is no OWNER/NAME; correct --repository")
    return name


def plan(draft: Draft, repository: str) -> dict[str, Any]:
    """Data that would be sent: ``metadata``, and bytes by name as ``files``; nothing is sent."""
    facts = {
        "repository": repository,
        "title": draft.details.title,
        "private": True,
    }
    return {
        "metadata": facts,
        "files": {name: (draft.root / name).stat().st_size for name in draft.files},
    }


def draft_on_hub(
    draft: Draft,
    endpoint: str,
    token: str,
    repository: str,
    *,
    publish: bool,
) -> dict[str, Any]:
    """Upload a release to a private repository ``OWNER/NAME``, made public only on request."""
    require("huggingface_hub", "publish", "1.0")
    import httpx
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    api = HfApi(endpoint=endpoint, token=token, library_name="defocus")
    is_there = False
    try:
        api.create_repo(repository, repo_type="dataset", private=True, exist_ok=True)
        is_there = True
        api.upload_folder(
            repo_id=repository,
            repo_type="dataset",
            folder_path=draft.root,
            commit_message=f"{draft.details.title} {draft.details.version}",
        )
        if publish:
            api.update_repo_settings(repository, repo_type="dataset", private=False)
    except HFValidationError as error:
        raise InputError(
            f"'{repository}' is no OWNER/NAME; correct --repository"
        ) from error
    except (HfHubHTTPError, httpx.HTTPError) as error:
        first = str(error).strip().partition("\n")[0]
        if is_there:
            say(
                f"{repository} is there and stays as it was; the same command sends the files again"
            )
        raise DefocusError(
            f"{endpoint}: {first}; check the token and --repository"
        ) from error
    return {
        "id": repository,
        "url": f"{endpoint}/datasets/{repository}",
        "published": publish,
        "doi": None,
    }
