from __future__ import annotations

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.kit.schema import refusal
from privacy import leaving
from privacy.export import export
from privacy.serializers import ErasureSerializer, LeavingSerializer
from sessions_live import api
from sessions_live.caller import caller


class MeView(api.MeView):
    @extend_schema(
        request=LeavingSerializer,
        responses={
            202: ErasureSerializer,
            403: refusal("`wrong_password`: nothing was done."),
            409: refusal("`erasure_refused`: there is money in the wallet, or this is staff."),
        },
    )
    def delete(self, request: Request) -> Response:
        """Erase the caller: the account is closed at once, the rest follows by itself."""
        asked = api.checked(LeavingSerializer(data=request.data))
        erasure = leaving.leave(caller(request), asked["password"], meta=request.META)
        return Response(ErasureSerializer(erasure).data, status=202)


class ExportView(APIView):
    @extend_schema(responses={(200, "application/json"): OpenApiTypes.OBJECT})
    def get(self, request: Request) -> StreamingHttpResponse:
        """All that is stored about the caller. Not for API keys."""
        return as_file(export(caller(request)))


def as_file(pieces: leaving.Pieces) -> StreamingHttpResponse:
    answer = StreamingHttpResponse(pieces, content_type="application/json")
    answer["Content-Disposition"] = 'attachment; filename="my-data.json"'
    answer["Cache-Control"] = "no-store"
    return answer
