"""Is the model hub there? Asked once, for its client asks six times for each file and prints every failure."""

from pathlib import Path

from negotiation_env.text.untrusted import one_line

__all__ = ["ask_hub"]

_SECONDS = 10.0


def ask_hub(source: str | Path, file: str = "config.json") -> None:
    """See that the hub answers, where a model would have to come from there.

    Args:
        source: A folder, or a hub id; for a folder, or what is in the hub's cache, nobody is asked.
        file: The file of it that tells whether it is in the cache.

    Raises:
        OSError: There is no answer. What it answers, such as that it has no such model, is for its client to tell.
    """
    from huggingface_hub import HfApi, constants, try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        here = Path(source).exists() or isinstance(try_to_load_from_cache(str(source), file), str)
        if not here and not constants.HF_HUB_OFFLINE:
            HfApi().model_info(str(source), timeout=_SECONDS)
    except (HfHubHTTPError, HFValidationError):
        return
    except Exception as error:  # of its HTTP client or the system
        told = f"the hub does not answer ({one_line(str(error)) or type(error).__name__})"
        raise OSError(f"{told}; name a folder of this machine, or fetch the model where there is a network") from error
