"""Readers of data sets as they lie on users' disks; each gives the same plain recordings."""

from algr.data.adapters.base import (
    Adapter,
    ImageFiles,
    ReadOptions,
    Recording,
    SourceReading,
    VideoFile,
    names_pictures,
)
from algr.data.adapters.recognise import adapter_of, recognise

__all__ = [
    "Adapter",
    "ImageFiles",
    "ReadOptions",
    "Recording",
    "SourceReading",
    "VideoFile",
    "adapter_of",
    "names_pictures",
    "recognise",
]
