"""One worker process as `forbear worker --single` runs it; `quiet` takes the sandbox's follow-up events away."""

import sys
from collections.abc import MutableMapping
from dataclasses import replace
from typing import cast

from bench._children import is_ready, wait_for_line
from channels.protocol import Adapter
from channels.sandbox import Sandbox
from channels.sandbox_plan import Rates, SandboxSettings
from config.logging import configure
from config.settings import load_settings
from workers.consuming import consuming, threads_of
from workers.workshop import Workshop, open_workshop

ALL_GOOD = replace(Rates(), invalid=0, landline=0, opted_out=0, blocked=0, too_many=0, in_doubt=0)


def quieten(shop: Workshop) -> None:
    """Have the sandbox take everything at once, and tell nothing of it later."""
    adapters = cast(MutableMapping[str, Adapter], shop.deliverer.caller.adapters)
    adapters["sandbox"] = Sandbox(SandboxSettings(latency=0, events=False, rates=ALL_GOOD), shop.clock.now)


def main(*words: str) -> None:
    """Work until the input ends."""
    settings = load_settings()
    configure(settings.log_level)
    with open_workshop(settings, pool_size=sum(threads_of(settings).values()) + 2) as shop:
        if "quiet" in words:
            quieten(shop)
        with consuming(settings, shop):
            is_ready()
            while wait_for_line():
                pass


if __name__ == "__main__":
    main(*sys.argv[1:])
