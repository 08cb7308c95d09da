"""The shelf and the cart as HTML. Every value from the shop is escaped here."""

from html import escape

from behavior import Event
from tools import Shop, explain_recommendation, opinions
from tools.results import Card, CartAnalysis, CartLine
from ui.page_visit import Visit, shelf_title

MISSING = 2
"""How many of the items that a cart lacks are shown."""

VERBS = {
    "purchase": "bought",
    "view": "opened",
    "click": "opened",
    "search": "searched",
    "cart_add": "put in the cart",
    "cart_remove": "took out of the cart",
    "like": "liked",
    "dislike": "not interested in",
    "return": "returned",
    "review": "reviewed",
    "coupon_redeem": "used a coupon for",
    "impression": "was shown",
}
STATED = {"like": "said yes to", "dislike": "said no to"}
"""The same for a whole topic."""


def nobody(message: str) -> str:
    """A panel without a shopper."""
    return f'<div class="ink-empty">{escape(message)}</div>'


def shelf(shop: Shop, visit: Visit, cart: CartAnalysis) -> str:
    in_cart = {line.item_id for line in cart.lines}
    said = opinions(shop.timeline(visit.user_id))
    cards = "".join(_card(shop, visit, card, card.item_id in in_cart, said.get(card.item_id) == "like") for card in visit.cards)
    body = f'<div class="ink-cards">{cards}</div>' if cards else nobody("Nothing to show. Ask for something in the chat.")
    return f'<h2 data-user="{escape(visit.user_id)}">{escape(shelf_title(visit))}</h2>{body}'


def cart(found: CartAnalysis) -> str:
    if not found.lines and not found.unknown:
        return f"<h2>Cart</h2>{nobody('Your cart is empty.')}"
    lines = "".join(_line(line) for line in found.lines)
    gone = "".join(f'<li class="ink-line"><span>{escape(item)}: no longer in the shop</span></li>' for item in found.unknown)
    missing = "".join(
        f'<li class="ink-line"><span>{escape(card.title)}<small>{escape(sentence(card.reason))}</small></span>'
        f"<b>{price(card.price)}</b>{button('add', card.item_id, 'Add', f'Add {card.title} to the cart')}</li>"
        for card in found.missing[:MISSING]
    )
    also = f'<h3>Baskets like this also hold</h3><ul class="ink-lines">{missing}</ul>' if missing else ""
    count = sum(line.quantity for line in found.lines)
    head = f'<h2>Cart <span class="ink-count">{count:g}</span></h2>'
    total = f'<p class="ink-total"><span>Total</span><b>{price(found.total)}</b></p>'
    return f'{head}<ul class="ink-lines ink-scroll">{lines}{gone}</ul>{total}{also}'


def button(action: str, about: str, label: str, title: str = "", style: str = "", pressed: bool | None = None) -> str:
    """A button that the page's script turns into an action; `pressed` makes it a toggle."""
    state = "" if pressed is None else f' aria-pressed="{str(pressed).lower()}"'
    named = f' title="{escape(title)}" aria-label="{escape(title)}"' if title else ""
    return (
        f'<button type="button" class="ink-button {style}" data-act="{action}" data-id="{escape(about)}"{state}{named}>'
        f"{escape(label)}</button>"
    )


def evidence(shop: Shop, events: list[Event]) -> str:
    """Events as rows of date, what happened to which product, and the basket (or session) it was in."""
    rows = []
    for event in events:
        item = shop.catalog.item(event.item_id) if event.item_id else None
        about = item.title if item else event.item_id or event.query or str(event.attributes.get("topic", ""))
        verb = VERBS[event.type] if item else STATED.get(event.type, VERBS[event.type])
        basket = escape(event.session_id or event.event_id)
        rows.append(
            f'<tr><td>{event.ts.day}&nbsp;{event.ts:%b&nbsp;%Y}</td><td><span class="ink-verb">{verb}</span> '
            f'{escape(about)}</td><td><code title="{basket}">{basket}</code></td></tr>'
        )
    head = "<thead><tr><th>Date</th><th>What</th><th>Basket</th></tr></thead>"
    return f'<table class="ink-evidence">{head}<tbody>{"".join(rows)}</tbody></table>' if rows else ""


def price(amount: float | None) -> str:
    return "" if amount is None else f"${amount:,.2f}"


def sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _card(shop: Shop, visit: Visit, card: Card, in_cart: bool, liked: bool) -> str:
    add = button("add", card.item_id, "Add one more" if in_cart else "Add to cart", style="ink-primary")
    opened = visit.opened[1] if visit.opened and visit.opened[0] == card.item_id else None
    more = ""
    if opened:
        more = f'<div class="ink-more">{_why(shop, visit, card) if opened == "why" else _item(shop, card)}</div>'
    mark = '<span class="ink-incart">in your cart</span>' if in_cart else ""
    return (
        f'<article class="ink-card" data-item="{escape(card.item_id)}">'
        f'<p class="ink-eyebrow">{escape(_eyebrow(shop, card))}{mark}</p>'
        f"<h3>{button('open', card.item_id, card.title, style='ink-title')}</h3>"
        f'<p class="ink-price">{price(card.price)}</p><p class="ink-reason">{escape(sentence(card.reason))} '
        f"{button('why', card.item_id, 'Why?', f'Why {card.title}?', 'ink-why', pressed=opened == 'why')}</p>{more}"
        f'<div class="ink-buttons">{add}'
        f"{button('like', card.item_id, 'Liked' if liked else 'Like', pressed=liked)}"
        f"{button('dislike', card.item_id, 'Not interested')}</div></article>"
    )


def _eyebrow(shop: Shop, card: Card) -> str:
    """The narrowest topic that the title does not say already, or the brand."""
    said = card.title.lower()
    return next((topic for topic in reversed(shop.catalog.levels(card.item_id)) if topic.lower() not in said), card.brand or "")


def _item(shop: Shop, card: Card) -> str:
    item = shop.catalog.items[card.item_id]
    facts = [("Brand", item.brand), ("Found under", " › ".join(item.path)), ("About", item.description), ("Id", item.item_id)]
    return "<dl>" + "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in facts if value) + "</dl>"


def _why(shop: Shop, visit: Visit, card: Card) -> str:
    parts = explain_recommendation(shop, visit.user_id, card.item_id).parts
    if not parts:
        return "<p>Nothing in your history speaks for it; it fits the words you used.</p>"
    shares = "".join(
        f'<li><span class="ink-share">{part.weight:.0%}</span> <span>{escape(sentence(part.text))}</span></li>'
        for part in parts[:4]
    )
    events = shop.store.events([event_id for part in parts for event_id in part.evidence][:4])
    return f'<ul class="ink-shares">{shares}</ul>{evidence(shop, events)}'


def _line(line: CartLine) -> str:
    amount = None if line.price is None else line.price * line.quantity
    remove = button("remove", line.item_id, "Remove", f"Remove {line.title}")
    times = "" if line.quantity == 1 else f"<small>{line.quantity:g} × {price(line.price)}</small>"
    return f'<li class="ink-line"><span>{escape(line.title)}{times}</span><b>{price(amount)}</b>{remove}</li>'
