"""LangChain's OpenAI classes against a real gateway."""

from __future__ import annotations

import asyncio
from typing import Any

import openai
import pytest
from langchain_core.messages import AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel, SecretStr

from gateway import KEY, Gateway

pytestmark = pytest.mark.e2e

DIALECTS = ("openai", "anthropic", "gemini", "ollama")
HI = "Tell me about suspension bridges"


@tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"3 degrees in {city}"


class City(BaseModel):
    """A place."""

    name: str
    inhabitants: int


@pytest.fixture(scope="module")
def models(gateway: Gateway) -> dict[str, ChatOpenAI]:
    common: Any = {"base_url": f"{gateway.url}/v1", "api_key": SecretStr(KEY), "max_retries": 0}
    return {name: ChatOpenAI(model=name, stream_usage=True, **common) for name in (*DIALECTS, "nobody")}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_it_invokes_and_streams(models: dict[str, ChatOpenAI], dialect: str) -> None:
    answer = models[dialect].invoke(HI)
    assert "suspension bridges" in str(answer.content)
    assert answer.response_metadata["finish_reason"] == "stop"
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["total_tokens"] > 5
    whole: Any = None
    for chunk in models[dialect].stream(HI):
        whole = chunk if whole is None else whole + chunk
    assert isinstance(whole, AIMessageChunk)
    assert whole.content == answer.content
    assert whole.usage_metadata is not None
    assert whole.usage_metadata["total_tokens"] == answer.usage_metadata["total_tokens"]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_it_calls_tools_and_reads_their_results(models: dict[str, ChatOpenAI], dialect: str) -> None:
    agent = models[dialect].bind_tools([get_weather])
    question = HumanMessage("What is the weather in Paris and Oslo?")
    answer: Any = agent.invoke([question])
    assert [call["args"] for call in answer.tool_calls] == [{"city": "Paris"}, {"city": "Oslo"}]
    results = [
        ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"]) for call in answer.tool_calls
    ]
    assert agent.invoke([question, answer, *results]).content


@pytest.mark.parametrize("dialect", DIALECTS)
def test_it_gets_what_it_has_a_class_for(models: dict[str, ChatOpenAI], dialect: str) -> None:
    found = models[dialect].with_structured_output(City).invoke("Tell me about Oslo")
    assert isinstance(found, City)


def test_it_works_in_batches_and_without_blocking(models: dict[str, ChatOpenAI]) -> None:
    answers = asyncio.run(models["openai"].abatch([f"Tell me about bridge {n}" for n in range(8)]))
    assert all(f"bridge {n}" in str(answer.content) for n, answer in enumerate(answers))


def test_its_embeddings_fit(gateway: Gateway) -> None:
    made = OpenAIEmbeddings(
        model="openai",
        base_url=f"{gateway.url}/v1",
        api_key=SecretStr(KEY),
        check_embedding_ctx_length=False,
    )
    vectors = made.embed_documents(["one", "two"])
    assert vectors[1] == pytest.approx(made.embed_query("two"))
    assert vectors[0] != vectors[1]


def test_its_errors_are_the_sdks(models: dict[str, ChatOpenAI]) -> None:
    with pytest.raises(openai.NotFoundError):
        models["nobody"].invoke(HI)
