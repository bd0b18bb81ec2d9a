"""What a view becomes when an event is left out: the event counts as taken, so that the next one follows. Pure."""

from contracts.record import Record

__all__ = ["leave_out"]


def leave_out[View: Record](view: View, generation: int) -> View:
    """Return the view at the event's generation at least; unchanged where views of its kind have no generation."""
    if getattr(view, "generation", generation) >= generation:
        return view
    return view.model_copy(update={"generation": generation})
