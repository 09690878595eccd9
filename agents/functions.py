"""A function from text to text as a negotiator: an agent of one's own in a few lines, or one written for TextArena."""

from collections.abc import Callable, Sequence

from negotiation_env.errors import NegotiationError, why
from negotiation_env.game.events import Task
from negotiation_env.interfaces import Reply, Request

__all__ = ["FunctionAgent", "as_text"]

_LABELS = {"system": "BRIEF", "user": "HEARD", "assistant": "YOU"}
_ASKED = {Task.UTTERANCE: "Take your turn.", Task.COMPLETION: "Write the answer."}


class FunctionAgent:
    """A party that speaks with a function's words.

    Args:
        function: Gets what the party sees, written by `as_text`, and returns what the party says. It is called for one
            game after the other; with several workers, by several threads at a time.
        name: The name in records; by default the function's or its class's.
    """

    def __init__(self, function: Callable[[str], str], name: str = "") -> None:
        self.name = name or getattr(function, "__name__", type(function).__name__)
        self._function = function

    def act(self, requests: Sequence[Request]) -> list[Reply]:
        """One call for each game; where it raises or returns no text, that game ends unscored and says why."""
        return [self._speak(request) for request in requests]

    def _speak(self, request: Request) -> Reply:
        try:
            said: object = self._function(as_text(request))
        except (NegotiationError, KeyboardInterrupt):
            raise
        except BaseException as error:  # a slip in one game must not cost others theirs; `sys.exit` would end them all
            return Reply("", error=f"{self.name} {why(error)}")
        if not isinstance(said, str):
            return Reply("", error=f"{self.name} returned a {type(said).__name__}; expected a str")
        return Reply(said)


def as_text(request: Request) -> str:
    """All that a party sees as one text, in the form of a TextArena observation: labelled parts, oldest first.

        [BRIEF] You are Lea. You need water for your field … "ACCEPT".

        [HEARD] Begin.

        [YOU] Let us share.
        PROPOSE: We water at night.

        [HEARD] That works.
        ACCEPT

        The negotiation is over. … Write the joint answer to the dilemma …

        [NOW] Write the answer.

    HEARD is what came since the party's own last turn: the others' words, where there are more than two parties each
    after the speaker's name and with "> " before its further lines, and what the game asks for. The last part is
    `[NOW] Take your turn.` or, for the joint answer, `[NOW] Write the answer.`

    No party can forge a part: `negotiation_env.text.untrusted` exchanges the brackets of such labels in what is said
    for look-alikes.
    """
    parts = [f"[{_LABELS[message['role']]}] {message['content']}" for message in request.messages]
    return "\n\n".join([*parts, f"[NOW] {_ASKED[request.task]}"])
