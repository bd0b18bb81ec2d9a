"""What the routes of approvals and budgets ask. Pure but for the find functions, which are called later, on a miss."""

from uuid import UUID

from infrastructure.answer_cache import Answer, CachePlace
from infrastructure.local_answers import Roots
from infrastructure.read_queries_approvals import ApprovalFilter, BudgetFilter
from query_api.asking import Asker, answer_of, name_of, page_answer, page_place, scope_of, wanted_page
from query_api.dependencies import QueryDependencies
from query_api.pages import ApprovalListParameters, BudgetListParameters
from query_api.services import Question, Touched

__all__ = ["ask_approval", "ask_approvals", "ask_budget", "ask_budgets"]


def ask_approvals(asker: Asker, parameters: ApprovalListParameters, dependencies: QueryDependencies) -> Question:
    """Ask for a page of approvals; raises InvalidCursorError."""
    filters = (parameters.status, parameters.task_id, parameters.agent_id)
    wanted = wanted_page(scope_of("approvals", asker.workspace_id, filters), parameters, dependencies)

    async def find() -> Answer:
        wanted_approvals = ApprovalFilter(asker.workspace_id, *filters)
        found = await dependencies.finds.approval_page(wanted_approvals, wanted.after, wanted.limit)
        return page_answer(found, wanted, dependencies)

    place = page_place(f"approval_list/{asker.workspace_id}", wanted)
    return Question(Roots("approvals", None), place, find, asker.wish)


def ask_approval(asker: Asker, approval_id: UUID, dependencies: QueryDependencies) -> Question:
    """Ask for an approval with its rule and its votes; its shard is its task's, which its id does not tell."""

    async def find() -> Answer | None:
        found = await dependencies.finds.approval_detail(asker.workspace_id, approval_id)
        return None if found is None else answer_of(*found)

    place = CachePlace(f"approval_detail/{approval_id}", asker.workspace_id)
    touches = Touched(asker.workspace_id, None)
    return Question(Roots("approvals", None), place, find, asker.wish, is_shared=False, touches=touches)


def ask_budgets(asker: Asker, parameters: BudgetListParameters, dependencies: QueryDependencies) -> Question:
    """Ask for a page of budgets; raises InvalidCursorError."""
    filters = (parameters.status, parameters.scope)
    wanted = wanted_page(scope_of("budgets", asker.workspace_id, filters), parameters, dependencies)

    async def find() -> Answer:
        wanted_budgets = BudgetFilter(asker.workspace_id, *filters)
        found = await dependencies.finds.budget_page(wanted_budgets, wanted.after, wanted.limit)
        return page_answer(found, wanted, dependencies)

    place = page_place(f"budget_list/{asker.workspace_id}", wanted)
    return Question(Roots("budgets", None), place, find, asker.wish)


def ask_budget(asker: Asker, budget_id: UUID, dependencies: QueryDependencies) -> Question:
    """Ask for one budget, as it was at its last change, warning or breach."""
    name = name_of(asker, budget_id)

    async def find() -> Answer | None:
        found = await dependencies.finds.budget(name)
        return None if found is None else answer_of(*found)

    place = CachePlace(f"budget_detail/{budget_id}", asker.workspace_id)
    touches = Touched(asker.workspace_id, budget_id)
    return Question(Roots("budgets", name.shard), place, find, asker.wish, is_shared=False, touches=touches)
