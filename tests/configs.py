"""Configurations for gateways in front of the simulated provider."""

from __future__ import annotations

from gateway import HOST, KEY

PLANTED = "sk-planted-0123456789-DO-NOT-SHOW"
"""What every provider's key begins with: it must not be found anywhere outside the wire."""

GUEST = "guest-key-0123456789abcdef"
DIALECTS = ("openai", "anthropic", "gemini", "ollama", "simulated")
BROKEN = ("status-400", "status-401", "status-404", "status-429-7", "status-503", "context", "hang")
PATIENT = "{connect_s: 1, first_byte_s: 5, idle_s: 5, total_s: 20}"

_ROOT = {"openai": "/v1", "anthropic": "", "gemini": "/v1beta", "ollama": ""}


def provider(dialect: str, port: int, *, name: str = "", timeouts: str = PATIENT, more: str = "") -> str:
    """A provider, named after its dialect unless it is given a name, as a line of the file."""
    parts = [f"dialect: {dialect}", "drop: ['*']", f"timeouts: {timeouts}", *([more] if more else [])]
    if dialect == "simulated":
        parts.append("simulated: {latency_s: 0, tokens_per_s: 0}")
    else:
        parts.append(f"base_url: 'http://{HOST}:{port}{_ROOT[dialect]}'")
        parts.append(f"keys: ['{PLANTED}-{dialect}']")
    return f"  {name or dialect}: {{{', '.join(parts)}}}\n"


def every_dialect(port: int) -> str:
    """A model of each dialect, named after it, and a broken one for every ending of `BROKEN`."""
    providers = "".join(provider(dialect, port) for dialect in DIALECTS)
    providers += "".join(
        provider(dialect, port, name=f"{dialect}-refusing") for dialect in DIALECTS if dialect != "simulated"
    )
    models = ""
    for dialect in DIALECTS:
        models += (
            f"  {dialect}: {{provider: {dialect}, name: sim-{dialect}, price: {{input: 1, output: 2}}}}\n"
        )
        for fault in BROKEN:
            lone = fault == "status-401" and dialect != "simulated"  # it is refused for all
            served_by = f"{dialect}-refusing" if lone else dialect
            models += f"  {dialect}-{fault}: {{provider: {served_by}, name: fault-{fault}}}\n"
    return f"""
server: {{host: {HOST}, log: json, log_level: debug}}
keys:
  - {{name: me, key: {KEY}}}
  - {{name: guest, key: {GUEST}, models: [openai]}}
breaker: {{failures: 1000000}}
retry: {{attempts: 3, backoff_s: 0.001, max_backoff_s: 0.01}}
routes: {{auto: {{use: [openai, anthropic]}}}}
cache: {{exact: {{ttl_s: 0}}}}
coalesce: {{window_s: 0}}
queue: {{max_wait_s: 0}}
providers:
{providers}models:
{models}"""
