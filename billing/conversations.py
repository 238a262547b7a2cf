"""Conversations, paid for one by one. What has become of one follows from its orders."""

from __future__ import annotations

import logging

from django.utils import timezone

from billing.models import Conversation, Order
from config.kit.errors import AppError
from sessions_live.models import User

alarm = logging.getLogger("alarm")

Status = Conversation.Status


class ConversationNotFound(AppError):
    code = "not_found"
    status = 404
    detail = "You have no such conversation."


class AlreadyPaid(AppError):
    code = "already_paid"
    status = 409
    detail = "This conversation is paid already."


def get_conversation(user: User, pk: int) -> Conversation:
    """Raises ConversationNotFound, also for a stranger's."""
    found = Conversation.objects.with_session().filter(user=user, pk=pk).first()
    if found is None:
        raise ConversationNotFound()
    return found


def refuse_paid(conversation: Conversation) -> None:
    """Must run inside a transaction, and locks the conversation until it ends: no payment is told
    meanwhile. Raises AlreadyPaid."""
    if locked(conversation.pk).status == Status.PAID:
        raise AlreadyPaid()


def follow(order: Order) -> None:
    """Safe to repeat, in any order; must run inside a transaction."""
    if order.conversation_id is None:
        return
    conversation = locked(order.conversation_id)
    wanted = standing(conversation)
    if conversation.status != wanted:
        conversation.move_to(wanted, updated_at=timezone.now())


def standing(conversation: Conversation) -> Status:
    """One order that is paid counts for good; one that may still be paid keeps it open."""
    statuses = list(conversation.orders.values_list("status", flat=True))
    if statuses.count(Order.Status.COMPLETED) > 1:
        alarm.error("conversation paid twice", extra={"conversation": conversation.pk})
    if Order.Status.COMPLETED in statuses:
        return Status.PAID
    if Order.Status.PENDING in statuses:
        return Status.PENDING
    return Status.FAILED if statuses else Status.UNPAID


def locked(pk: int) -> Conversation:
    return Conversation.objects.select_for_update(no_key=True).get(pk=pk)
