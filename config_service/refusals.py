"""How a person is told that a change was not made, or may not have been."""

from config_service.errors import ProductError
from consensus import errors

REFUSALS = (ProductError, errors.ConsensusError)


def explain(error: Exception) -> str:
    match error:
        case errors.OutcomeUnknown():
            return (
                f"It is not known whether the change was made: it may have happened. Look before you try again. "
                f"Request id: {error.request_id}"
            )
        case errors.NoLeader():
            return f"Nothing was changed: {error}. Try again in a moment."
        case errors.Overloaded():
            return "Nothing was changed: the group is too busy. Try again in a moment."
    return f"Nothing was changed: {error}"
