from __future__ import annotations

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ValidationError
from rest_framework.views import APIView

from billing.permissions import HasPermission
from billing.serializers import WebhookEventSerializer
from billing.webhooks import inbox
from billing.webhooks.bell import bell
from billing.webhooks.models import WebhookEvent
from config.kit.keyset import Place, Sought, TimePages, own


@extend_schema_view(
    get=extend_schema(
        parameters=[OpenApiParameter("status", enum=WebhookEvent.Status.values)],
    )
)
class WebhookEventsView(ListAPIView[WebhookEvent]):
    """The inbox, newest first."""

    permission_classes = (HasPermission("webhooks.view_webhookevent"),)
    serializer_class = WebhookEventSerializer
    pagination_class = TimePages
    queryset = WebhookEvent.objects.none()

    def sought(self) -> Sought:
        events = WebhookEvent.objects.defer("body")
        status = self.request.query_params.get("status")
        if status is None:
            return Sought(events, events, indexed=True, place_of=Place.of_id, by_id=True)
        if status not in WebhookEvent.Status.values:
            raise ValidationError({"status": f"One of {', '.join(WebhookEvent.Status.values)}."})
        return own(events, "status", status, by_id=True)


class ReplayView(APIView):
    permission_classes = (HasPermission("webhooks.change_webhookevent"),)

    @extend_schema(request=None, responses=WebhookEventSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Processes an event again. What it did already is not done twice."""
        event = get_object_or_404(WebhookEvent, pk=pk)
        inbox.replay(event)
        bell.ring()
        return Response(WebhookEventSerializer(event).data)
