"""Clone as actions/checkout does: one fetch of one ref, the token in a header that stays in .git/config unless told."""

import base64
import os
import subprocess
from pathlib import Path


def main() -> None:
    asked = {name.removeprefix("IN_").lower(): value for name, value in os.environ.items() if name.startswith("IN_")}
    server = os.environ["GITHUB_SERVER_URL"]
    here = asked["repository"] == os.environ["GITHUB_REPOSITORY"]
    ref = asked["ref"] or (os.environ["GITHUB_SHA"] if here else "HEAD")
    folder = Path(os.environ["GITHUB_WORKSPACE"], asked["path"])
    folder.mkdir(parents=True, exist_ok=True)
    header = "AUTHORIZATION: basic " + base64.b64encode(f"x-access-token:{asked['token']}".encode()).decode()
    key = f"http.{server}/.extraheader"

    def git(*arguments: str) -> None:
        subprocess.run(["git", "-C", str(folder), *arguments], check=True)

    git("init", "-q")
    git("remote", "add", "origin", f"{server}/{asked['repository']}")
    depth = [] if asked["depth"] == "0" else [f"--depth={asked['depth']}"]
    # By way of the environment, so that the token stands in no process's arguments.
    os.environ |= {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": key, "GIT_CONFIG_VALUE_0": header}
    git("fetch", "-q", "--no-tags", *depth, "origin", ref)
    git("checkout", "-q", "--detach", "FETCH_HEAD")
    if asked["persist"] != "false":
        git("config", "--local", key, header)


main()
