"""Redis as Django's cache, on a TCP or a Unix socket URL."""

from django.core.cache.backends.redis import RedisCache as DjangoRedisCache


class RedisCache(DjangoRedisCache):
    """Django's backend; redis-py understands `unix://path?db=0` as it stands. Errors are not swallowed: what depends
    on the cache for safety (rate limits, one-time codes) must fail closed."""
