"""Truth values as they were written for YAML 1.1: it reads yes, no, on and off as such, YAML 1.2 as texts."""

from typing import Annotated, Literal

from pydantic import BeforeValidator

from usertags.config.forms import refused

_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def switch(value: object) -> object:
    """True or False for a truth value and for the words that stand for one; anything else unchanged."""
    return _WORDS.get(value.lower(), value) if isinstance(value, str) else value


def _off(value: object) -> object:
    if switch(value) is not False:
        raise refused("must be `off` or a mapping with bounds")
    return "off"


def _on(value: object) -> object:
    if switch(value) is not True:
        raise refused("must be `true`, or left out")
    return True


Off = Annotated[Literal["off"], BeforeValidator(_off)]
On = Annotated[Literal[True], BeforeValidator(_on)]
