"""The app on its port: the API under /v1, its documentation at /docs, the page at /."""

import os
import socket
from contextlib import nullcontext
from typing import TYPE_CHECKING

import uvicorn

from behavior import Settings
from ui.api import LOOPBACK, create_app

if TYPE_CHECKING:
    from agent.runtime import Runtime

GRACE = 3  # seconds that open streams get when the app stops: the page keeps one open for as long as it is shown


def bound(settings: Settings) -> socket.socket:
    """A socket on the app's address, before anything slow is started.

    Raises ValueError for an address that is not loopback, OSError for a port that is taken.
    """
    host, port = settings.host, settings.port
    if host not in LOOPBACK:
        raise ValueError(f"INKLING_HOST is {host!r}: without a login only {' or '.join(LOOPBACK)} may be served")
    try:
        return socket.create_server((host, port))
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise OSError(f"port {port} is not free ({why}): stop what listens there, or set INKLING_PORT") from error


async def serve(runtime: "Runtime", listener: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM, which is raised again afterwards. The LLM, if there is one, names the segments meanwhile."""
    from agent.segment_names import naming
    from ui.page import mount

    app = create_app(runtime)
    mount(app, runtime)
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=GRACE)
    with nullcontext() if runtime.no_llm else naming(runtime.shop, runtime.llm):
        await uvicorn.Server(config).serve(sockets=[listener])
