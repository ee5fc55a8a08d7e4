"""The UE: Media Session Handler and Media Player of AI models (TS 26.501 4.2, TR 26.927 5.2.1).

    import fivegms_client

    model = fivegms_client.load("http://127.0.0.1:7778", task="object-detection")
    for frame in model.run("clip.mp4"):
        print(frame.time_s, frame.detections)

Rules (pure): `entry`, `capabilities`, `layers`, `selection`, `composition`, `refinement`, `retry`,
`locations`, `service_access`, `association`, `tracking`, `counting`, `trust.verification`. Shells:
`media_session_handler`, `authorization`, `http_fetcher`, `transfer`, `download`, `cache`,
`segment_keys`, `model_folder`, `start`, `arrival`, `model_access`, `upkeep`, `background`,
`runnable`, `identity`, `trust.guard`.
Everything that goes wrong is a leaf of `ClientError`, drawn at the top of `errors`; what goes wrong
while a model runs is a `fivegms_engine.errors.EngineError`.
"""

from fivegms_client.authorization import BearerToken, ClientCredentials
from fivegms_client.capabilities import DeviceCapabilities, OpsetRange
from fivegms_client.counting import MovementCounter, MovementCounters, Scene, count_movements
from fivegms_client.errors import ClientError
from fivegms_client.facade import fetch, fetch_model, load, open_model
from fivegms_client.loaded import Step, Way
from fivegms_client.model_access import FetchedModel
from fivegms_client.options import AccessOptions
from fivegms_client.progress import FetchProgress
from fivegms_client.refinement import Refine
from fivegms_client.retry import RetryPolicy
from fivegms_client.runnable import FrameResult, RunnableModel
from fivegms_client.segment_keys import GivenKeys, KeyServers, OneKey
from fivegms_client.selection import LinkEstimate, Prefer, Preferences, Selection
from fivegms_client.timings import Timings
from fivegms_client.tracking import Tracker, TrackerSettings
from fivegms_client.trust import Trust, TrustedKey, TrustMode, TrustPolicy, trusted_key

__all__ = [
    "AccessOptions",
    "BearerToken",
    "ClientCredentials",
    "ClientError",
    "DeviceCapabilities",
    "FetchProgress",
    "FetchedModel",
    "FrameResult",
    "GivenKeys",
    "KeyServers",
    "LinkEstimate",
    "MovementCounter",
    "MovementCounters",
    "OneKey",
    "OpsetRange",
    "Prefer",
    "Preferences",
    "Refine",
    "RetryPolicy",
    "RunnableModel",
    "Scene",
    "Selection",
    "Step",
    "Timings",
    "Tracker",
    "TrackerSettings",
    "Trust",
    "TrustMode",
    "TrustPolicy",
    "TrustedKey",
    "Way",
    "count_movements",
    "fetch",
    "fetch_model",
    "load",
    "open_model",
    "trusted_key",
]
