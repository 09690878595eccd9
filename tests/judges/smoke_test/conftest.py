import pytest

from negotiation_env.judges.smoke_test import judge as embedded
from negotiation_env.judges.smoke_test.encoder import Encoder


@pytest.fixture
def no_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Encoder:
        raise AssertionError("the encoder was loaded")

    monkeypatch.setattr(embedded, "load_encoder", fail)
