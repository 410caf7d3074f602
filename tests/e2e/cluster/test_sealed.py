"""This suite runs sealed."""
from lib.sealed import *  # noqa: F401, F403
