"""Chat on the command line: a JSON object a turn for programs, tool steps and streamed replies for people."""

import sys
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

from rich.markup import escape

from agent.chat import ChatEvent, Done
from agent.prompts import Role
from agent.runtime import Runtime
from ui.terminal import err, out, print_cards


async def answer_lines(runtime: Runtime, role: Role, user_id: str | None, session: str, fresh: bool) -> None:
    """Answer each line of standard input with a JSON object (a `Done`); with `fresh`, each line in a session of its own."""
    for line in _lines():
        session_id = f"line-{uuid4().hex}" if fresh else session
        async for event in runtime.chat.stream(line, role=role, user_id=user_id, session_id=session_id):
            if event.kind == "done":
                print(event.model_dump_json(exclude={"kind"}), flush=True)


async def converse(runtime: Runtime, role: Role, user_id: str | None, session: str) -> None:
    """Ask for lines and show the turns until the end of input or Ctrl-C."""
    err.print(f"Type a line; Ctrl-D ends. Session {session}", highlight=False)
    while True:
        try:
            line = out.input("[bold]you:[/] ")
        except EOFError:
            return
        if line.strip():
            await show(runtime.chat.stream(line, role=role, user_id=user_id, session_id=session))


async def show(turn: AsyncIterator[ChatEvent]) -> Done | None:
    """Print a turn as it happens: tool calls, the reply, the products. Returns its last event."""
    speaking = False
    async for event in turn:
        match event.kind:
            case "tool":
                call = event.call
                said = ", ".join(f"{name}={value!r}" for name, value in call.arguments.items())
                mark = "[green]✓[/]" if event.ok else "[red]✗[/]"
                out.print(f"{mark} [cyan]{call.name}({escape(said)})[/]", highlight=False)
            case "token":
                if not speaking:
                    out.print("[bold]inkling:[/] ", end="")
                out.print(event.text, end="", markup=False, highlight=False, soft_wrap=True)
                speaking = True
            case "done":
                out.print()
                if event.cards:
                    print_cards("Products", event.cards)
                return event
    return None


def _lines() -> Iterator[str]:
    """The lines of standard input; bytes that are no UTF-8 are replaced."""
    for raw in sys.stdin.buffer:
        yield raw.decode("utf-8", "replace").rstrip("\r\n")
