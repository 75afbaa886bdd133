"""Where tests find the demonstration model of `make local-model`; GOVSIM_DEMO_MODEL names another folder."""

import os
from pathlib import Path

import pytest

from app.models.local_folder import look_at
from tests.support import ROOT

DEMO = Path(os.environ.get("GOVSIM_DEMO_MODEL", ROOT / "govsim-data" / "local" / "demo"))
needs_demo = pytest.mark.skipif(
    look_at(DEMO).problem is not None, reason=f"no demonstration model at {DEMO}: make local-model"
)
