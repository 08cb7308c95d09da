"""An audience as HTML: what words were taken to mean, how many match, who they are by pseudonym, and a file of them."""

import csv
from base64 import b64encode
from collections.abc import Sequence
from html import escape
from io import StringIO

from tools.audience_results import ClauseAudience, ClauseMember, TopicChoice
from ui.page_beliefs import percent
from ui.page_html import button, nobody, sentence
from ui.page_tables import bar, remarks

SHOWN = 50


def choices_panel(choices: Sequence[TopicChoice]) -> str:
    """Each phrase with the topic it was taken to mean and the next nearest, which a click puts in its place."""
    rows = "".join(_choice(n, choice) for n, choice in enumerate(choices))
    return f"<h2>What the words were taken to mean</h2><ul>{rows}</ul>" if rows else ""


def audience_panel(audience: ClauseAudience) -> str:
    """How many match, what was asked, and the members as a file: a link that holds the file, so no copy stays on the disk."""
    about = (
        f'<p class="ink-summary"><b data-size="{audience.size}">{_count(audience)}</b> of {audience.population:,} shoppers</p>'
    )
    asked = f"<p>{escape(sentence(audience.in_words))}.</p>"
    save = ""
    if audience.members:
        data = b64encode(members_csv(audience.members).encode()).decode()
        whom = f"the {len(audience.members):,} strongest" if audience.size > len(audience.members) else "all members"
        label = f"Export {whom} (CSV)"
        save = f'<a class="ink-button ink-export" download="audience.csv" href="data:text/csv;base64,{data}">{label}</a>'
    return f"<h2>The audience</h2>{about}{asked}{remarks(map(sentence, audience.notes))}{save}"


def members_panel(audience: ClauseAudience) -> str:
    """The strongest members; a click on one asks why."""
    if not audience.members:
        return ""
    rows = "".join(
        f'<li class="ink-barred">{button("why", member.pseudonym, member.pseudonym, f"Why {member.pseudonym}?", "ink-why")}'
        f"{_strength(member)}</li>"
        for member in audience.members[:SHOWN]
    )
    return f'<h2>Who, the strongest first</h2><ul class="ink-scroll">{rows}</ul>'


def members_csv(members: Sequence[ClauseMember]) -> str:
    """Pseudonym and strength of each member, with a line of names above; no strength where none was asked for."""
    file = StringIO()
    lines = csv.writer(file)
    lines.writerow(["pseudonym", "strength"])
    lines.writerows([member.pseudonym, "" if member.strength is None else f"{member.strength:.4f}"] for member in members)
    return file.getvalue()


def _choice(n: int, choice: TopicChoice) -> str:
    without = "without " if choice.negated else ""
    phrase = f"<p>{without}“{escape(choice.words)}”</p>"
    if choice.topic is None:
        near = ", ".join(other.topic for other in choice.alternatives) or "nothing"
        return f'<li class="ink-choice">{phrase}{nobody(f"means no topic here and takes no part; nearest: {near}")}</li>'
    chosen = button("keep", f"{n}", choice.topic, pressed=True)
    others = "".join(
        button("instead", f"{n}:{at}", other.topic, f"{other.topic} instead of {choice.topic}", pressed=False)
        for at, other in enumerate(choice.alternatives)
    )
    return f'<li class="ink-choice">{phrase}<div class="ink-buttons">{chosen}{others}</div></li>'


def _count(audience: ClauseAudience) -> str:
    return f"{audience.size:,} or more" if audience.size else "Fewer than 10"


def _strength(member: ClauseMember) -> str:
    if member.strength is None:
        return ""
    return f'<span class="ink-value">{percent(member.strength)}</span>{bar(member.strength)}'
