"""`headgate demo`: the table, what it says, and how it ends."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator

import openai
import pytest

from gateway import command, environment, ran

pytestmark = pytest.mark.e2e


NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def serving() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A demo that serves, and all it has printed."""
    process = subprocess.Popen(
        command("demo", "--port", "0"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert process.stdout is not None
    try:
        yield process, "".join(iter(process.stdout.readline, "Serving until Ctrl-C.\n"))
    finally:
        process.kill()
        process.communicate()


def test_once_shows_a_row_per_request_and_ends_well() -> None:
    """Also behind a proxy that nobody has told of this machine: the demo needs no network."""
    found = ran("demo", "--once", "--port", "0", HTTP_PROXY=NOWHERE, http_proxy=NOWHERE, ALL_PROXY=NOWHERE)
    assert (found.returncode, found.stderr) == (0, "")
    table = found.stdout.partition("\n\n")[0]
    for what in ("plain", "streamed", "code", "reasoning", "tool call", "provider dies"):
        assert re.search(rf"^{what} .* \d+ ms +\$0\.\d+ *$", table, re.MULTILINE), table
    assert table.count("↪") >= 3
    assert "\x1b[" not in found.stdout, "colours are for terminals"


def test_what_it_says_works_as_pasted(serving: tuple[subprocess.Popen[str], str]) -> None:
    _, text = serving
    curl = re.search(r"^  curl (.*?)'$", text, re.MULTILINE | re.DOTALL)
    assert curl is not None
    words = shlex.split(curl[0].replace("\\\n", " "))
    assert json.loads(words[words.index("-d") + 1])["model"] == "auto"
    url, key = re.search(r"Endpoint (\S+)  key (\S+)", text).groups()  # type: ignore[union-attr]  # fails loudly
    assert words[1] == f"{url}/chat/completions"
    with openai.OpenAI(base_url=url, api_key=key, max_retries=0) as client:
        answer = client.chat.completions.create(model="auto", messages=[{"role": "user", "content": "Hello"}])
        assert answer.choices[0].message.content
        listed = {model.id for model in client.models.list()}
    assert {"auto", "resilient", "large", "small"} <= listed


def test_it_serves_until_it_is_told_to_stop(serving: tuple[subprocess.Popen[str], str]) -> None:
    process, _ = serving
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=20)
    assert (process.returncode, out, errors) == (0, "", "")
