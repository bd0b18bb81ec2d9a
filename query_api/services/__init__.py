"""The query side's line: one function that answers every question, and what it is made of."""

from query_api.services.answer_query import Outcome, StaleAnswerError, answer_query
from query_api.services.question import Find, Question, Touched

__all__ = ["Find", "Outcome", "Question", "StaleAnswerError", "Touched", "answer_query"]
