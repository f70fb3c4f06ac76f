"""What a request to `POST /predict` carries: a form, JSON, or the file itself.

Everything is kept in memory, and no more than `MAX_BODY_BYTES` of it.

Shape suffixes: L = landmarks, 2 = x, y.
"""

import base64
import contextlib
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from algr.errors import DataError
from algr.faces import NUM_LANDMARKS

if TYPE_CHECKING:
    from fastapi import Request

MAX_BODY_BYTES = 12 * 1024 * 1024
_JSON = "application/json"
_FORM = "multipart/form-data"
_RAW = ("image/jpeg", "image/png", "application/octet-stream")


@dataclass(frozen=True, kw_only=True)
class Upload:
    """What a request carries."""

    image: bytes
    landmarks_L2: NDArray[np.float64] | None


async def read_upload(request: "Request") -> Upload:
    """Read the body of a request.

    Raises:
        HTTPException: 413 or 415.
        DataError: It holds no image, or landmarks that cannot be read.
    """
    from fastapi import HTTPException

    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in (_JSON, _FORM, *_RAW):
        raise HTTPException(
            415,
            f"content type {kind or 'missing'!r}; expected {_FORM} with a field `image`, {_JSON} "
            f"with `image` in base64, or the file itself as {', '.join(_RAW)}",
        )
    body = await _read_body(request)
    if kind == _JSON:
        return _from_json(body)
    if kind == _FORM:
        return await _from_form(request, body)
    return Upload(image=body, landmarks_L2=None)


def request_body() -> dict[str, Any]:
    """The three forms of a request, for OpenAPI."""
    points = {
        "type": "array",
        "items": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
        "minItems": NUM_LANDMARKS,
        "maxItems": NUM_LANDMARKS,
        "description": "49 points x, y in pixels of the image; needed unless the image is an "
        "aligned face of 200 x 200 or 176 x 176 pixels, or the landmark detector is installed.",
    }
    file = {"type": "string", "format": "binary"}
    form = {
        "type": "object",
        "required": ["image"],
        "properties": {
            "image": file,
            "landmarks": {"type": "string", "description": "JSON list of 49 pairs [x, y]."},
        },
    }
    base64_json = {
        "type": "object",
        "required": ["image"],
        "properties": {"image": {"type": "string", "format": "byte"}, "landmarks": points},
    }
    content: dict[str, Any] = {_FORM: {"schema": form}, _JSON: {"schema": base64_json}}
    content |= {kind: {"schema": file} for kind in _RAW}
    return {"required": True, "content": content}


async def _read_body(request: "Request") -> bytes:
    from fastapi import HTTPException

    too_large = HTTPException(
        413, f"the request is larger than {MAX_BODY_BYTES >> 20} MiB; send a smaller image"
    )
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > MAX_BODY_BYTES:
        raise too_large
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise too_large
    return bytes(body)


def _from_json(body: bytes) -> Upload:
    try:
        values = json.loads(body)
        image = base64.b64decode(values["image"], validate=True)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(
            "the JSON has no image in base64",
            expected='{"image": "<base64 of a JPEG or PNG>", "landmarks": [[x, y], …]}',
        ) from error
    return Upload(image=image, landmarks_L2=_parse_landmarks(values.get("landmarks")))


async def _from_form(request: "Request", body: bytes) -> Upload:
    from starlette.datastructures import UploadFile
    from starlette.formparsers import MultiPartException, MultiPartParser

    class MemoryParser(MultiPartParser):
        """Keeps files in memory; Starlette's own writes them to the disk from 1 MiB on."""

        spool_max_size = MAX_BODY_BYTES

    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    parser = MemoryParser(
        request.headers, stream(), max_files=1, max_fields=4, max_part_size=64 * 1024
    )
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError) as error:
        raise DataError(
            f"the form cannot be read ({error})",
            expected="multipart/form-data with one file, in the field `image`",
        ) from error
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(form.close)
        image = form.get("image")
        if not isinstance(image, UploadFile):
            raise DataError(
                "the form has no file in the field `image`",
                expected="for instance: curl -F image=@face.jpg",
            )
        landmarks = form.get("landmarks")
        return Upload(
            image=await image.read(),
            landmarks_L2=_parse_landmarks(landmarks if isinstance(landmarks, str) else None),
        )


def _parse_landmarks(value: object) -> NDArray[np.float64] | None:
    """Landmarks as JSON, either parsed or as the text of a form field."""
    if value is None or value == "":
        return None
    try:
        # A whole number of 400 digits has no place among the floats.
        points = np.asarray(json.loads(value) if isinstance(value, str) else value, np.float64)
        points_L2 = points.reshape(NUM_LANDMARKS, 2)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise DataError(
            "`landmarks` cannot be read",
            expected=f"a JSON list of {NUM_LANDMARKS} pairs [x, y] in pixels of the image",
        ) from error
    if not np.isfinite(points_L2).all():
        raise DataError("`landmarks` has a point that is not finite", expected="98 finite numbers")
    return points_L2
