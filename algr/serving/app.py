"""The HTTP service: an image in, grade or action units and landmarks out.

Uploads stay in memory and are forgotten with the answer.
"""

from importlib import resources
from typing import TYPE_CHECKING, Any

from algr.data import LandmarkSource
from algr.errors import DataError
from algr.inputs import decode_image
from algr.serving.predictor import Predictor
from algr.serving.replies import PredictionReply
from algr.serving.uploads import MAX_BODY_BYTES, Upload, read_upload, request_body

if TYPE_CHECKING:
    from fastapi import FastAPI

_CONCURRENT = 2
"""Requests that compute at once: one decodes while the other has the network."""


def create_app(predictor: Predictor, *, detector: LandmarkSource | None = None) -> "FastAPI":
    """The service of one model.

    Args:
        predictor: Of the model.
        detector: Finds the landmarks of photographs that come without; none where it cannot run.
    """
    import anyio
    import anyio.to_thread
    from fastapi import FastAPI, HTTPException, Request
    from fastapi.responses import HTMLResponse

    bundle = predictor.bundle
    page = (resources.files("algr.serving") / "docs.html").read_text(encoding="utf-8")
    app = FastAPI(
        title=bundle.name,
        description=(bundle.directory / "card.md").read_text(encoding="utf-8"),
        version=str(bundle.version or bundle.sha256[:12]),
        docs_url="/swagger",
        redoc_url=None,
    )
    limiter = anyio.CapacityLimiter(_CONCURRENT)

    def compute(upload: Upload) -> PredictionReply:
        image_HWC = decode_image(upload.image, name="image")
        return predictor.predict_image(image_HWC, upload.landmarks_L2, detector=detector)

    @app.post(
        "/predict",
        response_model_exclude_none=True,
        openapi_extra={"requestBody": request_body()},
        responses={
            413: {"description": f"More than {MAX_BODY_BYTES >> 20} MiB"},
            415: {"description": "A content type that is not taken"},
            422: {"description": "No readable image, or no face whose landmarks are known"},
        },
    )
    async def predict(request: Request) -> PredictionReply:
        """Predict the face in an image."""
        try:
            upload = await read_upload(request)
            return await anyio.to_thread.run_sync(compute, upload, limiter=limiter)
        except DataError as error:
            raise HTTPException(422, error.message) from error

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Whether the process lives."""
        return {"status": "ok"}

    @app.get("/readyz")
    async def readyz() -> dict[str, Any]:
        """Which model answers; it was verified before the service began to listen."""
        return {"status": "ready", "model": predictor.model.model_dump(exclude_none=True)}

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        """A page that needs nothing from the internet, unlike `/swagger`."""
        return HTMLResponse(page.replace("{{name}}", bundle.name))

    return app
