"""The Consumption Reporting Configuration: which clients report consumption (TS 26.512 7.7.3)."""

from typing import Annotated

from pydantic import Field

from fivegms_api.common_data import DurationSec, Percentage
from fivegms_api.wire import WireModel


class ConsumptionReportingConfiguration(WireModel):
    """The single such resource of a Provisioning Session; its presence asks for reports.

    `reporting_interval` is in seconds, absent: one report at the end of the media session.
    `sample_percentage` of the clients report, absent: all. The two others ask for units that tell
    where the client is and which server addresses it used, absent: no.
    """

    reporting_interval: Annotated[DurationSec, Field(gt=0)] | None = None
    sample_percentage: Percentage | None = None
    location_reporting: bool | None = None
    access_reporting: bool | None = None
