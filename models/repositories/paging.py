"""Where a page of a list begins, as conditions in SQL."""

from models.repositories.place import Place


def newest_first(place: Place | None, column: str) -> tuple[str, str]:
    """The condition on `:place` and the order of a list by id, newest first.

    Ids are made in the order of time, so that they are the position as well.
    """
    if place is None:
        return "true", f"{column} DESC"
    return f"{column} {_sign(place)} :place", f"{column} {'ASC' if place.back else 'DESC'}"


def last_changed_first(place: Place | None, columns: tuple[str, str]) -> tuple[str, str]:
    """The same for a list by time and id: a condition on `:moment` and `:place`, and the order."""
    way = "ASC" if place is not None and place.back else "DESC"
    order = ", ".join(f"{column} {way}" for column in columns)
    if place is None:
        return "true", order
    return f"({', '.join(columns)}) {_sign(place)} (:moment, :place)", order


def _sign(place: Place) -> str:
    return (">" if place.back else "<") + ("=" if place.inclusive else "")
