"""Predictions of a pulled model: for files, and over HTTP. Needs neither torch nor MLflow."""

from algr.serving.app import create_app
from algr.serving.predictor import Predictor
from algr.serving.replies import FrameReply, ModelReply, PredictionReply, VideoReply
from algr.serving.server import serve

__all__ = [
    "FrameReply",
    "ModelReply",
    "PredictionReply",
    "Predictor",
    "VideoReply",
    "create_app",
    "serve",
]
