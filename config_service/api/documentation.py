"""The OpenAPI document and a page that shows it. Both work offline: what the page needs is served by this node."""

from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import TemplateHTMLRenderer


class SchemaView(SpectacularAPIView):
    """OpenAPI 3: YAML, or JSON with ``?format=json``. Open to everybody, as what it tells is no secret."""

    authentication_classes: list = []
    permission_classes: list = []
    throttle_classes: list = []
    renderer_classes = [OpenApiYamlRenderer, OpenApiJsonRenderer]
    content_negotiation_class = DefaultContentNegotiation

    def perform_content_negotiation(self, request, force: bool = False):
        renderer = OpenApiJsonRenderer() if request.query_params.get("format") == "json" else OpenApiYamlRenderer()
        return renderer, renderer.media_type


class DocsView(SpectacularSwaggerView):
    authentication_classes: list = []
    permission_classes: list = []
    throttle_classes: list = []
    renderer_classes = [TemplateHTMLRenderer]
