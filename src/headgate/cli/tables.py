"""What came of a scenario, for people: a few tables on a terminal."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from headgate.cli.played import Account, Requests, Result

_ENDINGS = ("failed", "cut", "deadline", "hung_up")


def show(console: Console, result: Result, *, took_s: float) -> None:
    """Prints it all. `took_s` is how long this machine took for it."""
    hours = _span(result.duration_s)
    console.print(f"[bold]{result.title or 'Scenario'}[/]  {hours}, seed {result.seed}", highlight=False)
    console.print(_effective(result))
    console.print(_requests("By tier", result.tiers))
    if len(result.groups) > len(result.tiers):
        console.print(_requests("By group", result.groups))
    if reasons := _reasons(result.groups):
        console.print(f"Not answered because of: {reasons}", highlight=False, soft_wrap=True)
    console.print(_providers(result))
    console.print(_money(result), highlight=False, soft_wrap=True)
    console.print(f"[dim]Played in {took_s:.1f} s.[/]", highlight=False)


def _table(title: str, words: tuple[str, ...], numbers: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0))
    for name in words:
        table.add_column(name, no_wrap=True)
    for name in numbers:
        table.add_column(name, no_wrap=True, justify="right")
    return table


def _effective(result: Result) -> Table:
    rates = result.effective
    table = _table("Effective requests per minute", ("",), ("a minute", ""))
    table.add_row("asked for", f"{rates.asked_rpm:,.1f}", "")
    table.add_row(
        "[bold]answered", f"[bold]{rates.answered_rpm:,.1f}", _factor(rates.answered_rpm, rates.base_rpm)
    )
    used = _share(rates.accounts_rpm / rates.base_rpm) if rates.base_rpm else ""
    table.add_row(
        f"  by accounts with limits (base {rates.base_rpm:,.0f})", f"{rates.accounts_rpm:,.1f}", used
    )
    local = f"{rates.unmetered:.1%} of all calls" if rates.unmetered else ""
    table.add_row("  by providers without, as a local model", f"{rates.unmetered_rpm:,.1f}", local)
    table.add_row("  without a call of their own (reuse)", f"{rates.reused_rpm:,.1f}", "")
    if rates.reused_rpm:
        table.add_row("    from what is kept", f"{rates.cached_rpm:,.1f}", f"{rates.cached:.1%} of answers")
        others = f"{rates.coalesced:.1%} of the rest"
        table.add_row("    by somebody else's call for the same", f"{rates.coalesced_rpm:,.1f}", others)
    return table


def _factor(answered: float, base: float) -> str:
    return f"{answered / base:.2f} × base" if base else ""


def _requests(title: str, rows: Mapping[str, Requests]) -> Table:
    others = tuple(name for name in _ENDINGS if any(getattr(row, name) for row in rows.values()))
    table = _table(
        title,
        ("",),
        (
            *("asked", "answered", "", "refused", *(name.replace("_", " ") for name in others)),
            *("wait\np50", "\np99", "latency\np50", "\np99", "refusal\np99"),
        ),
    )
    for name, row in rows.items():
        table.add_row(
            name,
            f"{row.asked:,}",
            f"{row.answered:,}",
            _share(row.answered / row.asked) if row.asked else "",
            f"{row.refused:,}",
            *(f"{getattr(row, ending):,}" for ending in others),
            *(_seconds(value) for value in (row.wait_s.p50, row.wait_s.p99)),
            *(_seconds(value) for value in (row.latency_s.p50, row.latency_s.p99)),
            _seconds(row.refused_after_s.p99) if row.refused else "",
        )
    return table


def _reasons(rows: Mapping[str, Requests]) -> str:
    sums: dict[str, int] = {}
    for row in rows.values():
        for reason, count in row.reasons.items():
            sums[reason] = sums.get(reason, 0) + count
    return ", ".join(f"{reason} {sums[reason]:,}" for reason in sorted(sums, key=lambda one: -sums[one]))


def _providers(result: Result) -> Table:
    table = _table("Providers", ("", "key"), ("calls", "allowed", "used", "tokens", "429s", "faults", "cost"))
    for name, provider in result.providers.items():
        cells = _account(provider.together, provider.used)
        table.add_row(
            f"[bold]{name}", "all" if len(provider.keys) > 1 else "", *cells, f"${provider.cost_usd:,.2f}"
        )
        for number, key in provider.keys.items() if len(provider.keys) > 1 else ():
            table.add_row("", number, *_account(key, key.used), "")
    return table


def _account(account: Account, used: float | None) -> tuple[str, ...]:
    return (
        f"{account.calls:,}",
        "no limit" if account.may_calls is None else f"{account.may_calls:,.0f}",
        "" if used is None else _share(used),
        f"{account.tokens:,}",
        f"[red]{account.throttled:,}[/]" if account.throttled else "0",
        f"{account.faulted:,}",
    )


def _money(result: Result) -> str:
    return (
        f"Cost ${result.cost_usd:,.2f}; saved by reuse: {result.calls_saved:,} calls, about "
        f"${result.saved_usd:,.2f}; 429s drawn from providers: {result.throttled:,}"
    )


def _share(share: float) -> str:
    return f"{share:.1%}"


def _seconds(seconds: float) -> str:
    return f"{seconds * 1e3:.0f} ms" if seconds < 1.0 else f"{seconds:.2f} s"


def _span(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    return (f"{hours} h " if hours else "") + (f"{rest / 60:g} min" if rest or not hours else "")
