"""A shop of two kinds of users, thirty of each, so that groups can be described: what they do is plain from their kind."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from behavior import Event, EventStore, Settings, event_frame
from behavior.schema import Item
from tools import Shop
from tools.shop import CLOCK

END = datetime(2025, 6, 30, 12, tzinfo=UTC)
EACH = 30
DAYS = 150

ITEMS = [
    Item(item_id=item_id, title=item_id.capitalize(), path=("Food", category, topic), brand=brand, price=price)
    for item_id, category, topic, brand, price in [
        ("alm", "Dairy", "Milk", "Alm", 1.0),
        ("bona", "Dairy", "Milk", "Bona", 2.0),
        ("cake", "Bakery", "Cake", "Bona", 20.0),
        ("tiny", "Bakery", "Rolls", "Tiny", 0.5),
    ]
]


def day(n: int) -> datetime:
    """Noon `n` days after the first of the log."""
    return END - timedelta(days=DAYS - n)


def purchase(user: str, item: str, n: int, price: float) -> Event:
    name = f"{user}-{n}"
    return Event(event_id=f"{name}-{item}", user_id=user, type="purchase", item_id=item, ts=day(n), price=price, session_id=name)


def events() -> list[Event]:
    """Weekly users buy Alm's milk every seven days, twice Bona's instead; monthly ones Bona's milk and cake every thirty days.

    Two weekly users also buy rolls, so that Tiny is a brand of two buyers and these two are unlike anybody else.
    """
    log = []
    for who in range(EACH):
        log += weekly(f"weekly-{who}", 1.0 + who / 1000)
        for n in range(0, DAYS + 1, 30):
            log += [purchase(f"monthly-{who}", "bona", n, 2.0), purchase(f"monthly-{who}", "cake", n, 20.0 + who / 100)]
    return log + [purchase(f"weekly-{who}", "tiny", 7, 0.5) for who in range(2)]


def weekly(user: str, price: float) -> list[Event]:
    """What a weekly user buys, Alm's milk at `price`."""
    days = range(0, DAYS + 1, 7)
    return [purchase(user, "bona", n, 2.0) if n in (70, 140) else purchase(user, "alm", n, price) for n in days]


def mailing(name: str, users: list[str], n: int) -> list[Event]:
    """The impressions of a campaign."""
    return [
        Event(event_id=f"mail-{name}-{user}", user_id=user, type="impression", ts=day(n), attributes={"campaign": name})
        for user in users
    ]


def redemptions(name: str, users: list[str], n: int) -> list[Event]:
    return [
        Event(event_id=f"redeem-{name}-{user}", user_id=user, type="coupon_redeem", ts=day(n), attributes={"campaign": name})
        for user in users
    ]


def open_crowd(home: Path, more: list[Event]) -> Shop:
    """The shop with `more` events, opened in `home`."""
    settings = Settings(home=home)
    store = EventStore(settings.store_url)
    store.save_items(ITEMS)
    store.append(event_frame(sorted([*events(), *more], key=lambda event: (event.ts, event.event_id))))
    store.set(CLOCK, "log")
    store.close()
    return Shop.open(settings)
