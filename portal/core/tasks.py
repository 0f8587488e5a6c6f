"""The two messages of the doorbell. Both may be lost, doubled or late without harm."""

from celery import shared_task
from django.db import close_old_connections

from portal.core import work


@shared_task(name="portal.do")
def do(name: str, pk: int) -> None:
    close_old_connections()
    try:
        work.do(name, pk)
    finally:
        close_old_connections()


@shared_task(name="portal.sweep")
def sweep() -> None:
    work.sweep_safely()
