"""How a process of the hub is told to end: SIGTERM or SIGINT sets an event, and everything winds down by it."""

import asyncio
import contextlib
import signal


def stop_on_signals() -> asyncio.Event:
    """The event that ends this process's work; set by SIGTERM and SIGINT. To be called inside the running loop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


async def pause(stop: asyncio.Event, seconds: float) -> bool:
    """Waits, but not beyond the stop; True when the work is to end."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
    return stop.is_set()
