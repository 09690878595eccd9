"""A game with its pages served in a thread of this process."""

import asyncio
import threading
from contextlib import contextmanager
from queue import SimpleQueue
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from pydantic_core import from_json, to_json

from negotiation_env.browser.play import play_in_browser


@contextmanager
def serving(work):
    """Run a coroutine function, given a callback for addresses, until the block ends; gives the addresses."""
    shown, loop = SimpleQueue(), asyncio.new_event_loop()
    task = loop.create_task(work(shown.put))
    task.add_done_callback(lambda _: loop.stop())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield list(shown.get(timeout=20).values())
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(timeout=20)
        loop.close()


def playing(game, judge, people, keep=lambda _: None, **rules):
    """The addresses of a game: those of the people's seats, then the watcher's."""
    return serving(lambda show: play_in_browser(game, judge, people, show=show, keep=keep, **rules))


def ask(address, place="", *, said=None, **headers):
    """What an address answers: status, headers, text."""
    own = "{0.scheme}://{0.netloc}".format(urlsplit(address))
    sent = {} if said is None else {"Origin": own, "Content-Type": "application/json"}
    body = None if said is None else said if isinstance(said, bytes) else to_json(said)
    try:
        with urlopen(Request(address + place, body, {**sent, **headers}), timeout=20) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.headers, error.read().decode()


def state(address):
    """What a page is told, as soon as its game has begun: it is served a moment before."""
    return until(address, lambda _: True)


def until(address, is_so):
    """The first state of a page of which something holds."""
    for _ in range(2000):
        found = from_json(ask(address, "state")[2])
        if found and is_so(found):
            return found
        threading.Event().wait(0.01)
    raise AssertionError(f"it never came to that: {found}")


def say(address, words):
    """Take the next turn of a seat."""
    now = until(address, lambda now: now["speaker"] == now["seat"])
    assert ask(address, "answer", said={"move": now["move"], "words": words})[0] == 204
