"""Redis: what several hosts share. Needs the extra `redis`."""

from headgate.adapters.redis.accounts import RedisAccounts
from headgate.adapters.redis.answers import RedisShelf
from headgate.adapters.redis.counters import RedisCounters
from headgate.adapters.redis.notices import RedisNotices

__all__ = ["RedisAccounts", "RedisCounters", "RedisNotices", "RedisShelf"]
