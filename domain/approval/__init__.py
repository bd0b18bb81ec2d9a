"""Approvals: one operation of one task, allowed or refused by people."""

from domain.approval.cast_vote import CastVote, Person
from domain.approval.close_approval import CloseApproval
from domain.approval.decide import ApprovalCommand, decide_approval
from domain.approval.evolve import evolve_approval
from domain.approval.request_approval import RequestApproval
from domain.approval.state import Approval
from domain.approval.use_approval import UseApproval

__all__ = [
    "Approval",
    "ApprovalCommand",
    "CastVote",
    "CloseApproval",
    "Person",
    "RequestApproval",
    "UseApproval",
    "decide_approval",
    "evolve_approval",
]
