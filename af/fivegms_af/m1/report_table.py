"""The rows of the M1 table for reports: lists, exports, aggregates, analytics, event data."""

from http import HTTPStatus

from fivegms_af.m1 import event_exposure, report_statistics, reports
from fivegms_af.reports.formats import CSV_MEDIA_TYPE, PARQUET_MEDIA_TYPE
from fivegms_af.reports.paging import DEFAULT_LIMIT, MAX_LIMIT
from fivegms_af.reports.series import MAX_BUCKET_S
from fivegms_af.routes import M1_BASE_PATH, Answer, Api, Content, Parameter, Route
from fivegms_api.report_views import (
    Analytics,
    ConsumptionAggregate,
    ConsumptionReportList,
    EventData,
    MetricsAggregate,
    MetricsReportList,
)

REPORTS = Api("fivegms_M1_Reports", "1.0.0", M1_BASE_PATH)
EVENT_EXPOSURE = Api("fivegms_M1_EventExposure", "1.0.0", M1_BASE_PATH)

_ONE = "/provisioning-sessions/{provisioningSessionId}"
_CONSUMPTION = f"{_ONE}/consumption-reports"
_METRICS = f"{_ONE}/metrics-reports"
_EVENT_DATA = f"{_ONE}/event-data/{{eventDataProcessingConfigurationId}}/{{dataAccessProfileId}}"

_INSTANT = {"type": "string", "format": "date-time"}
_PERIOD = (
    Parameter("from", "of this instant or later", _INSTANT),
    Parameter("to", "before this instant", _INSTANT),
)
_OF_CLIENT = (Parameter("reportingClientId", "of this client only"),)
_FOR_CONFIGURATION = (Parameter("configuration", "for this Metrics Reporting Configuration only"),)
_PAGING = (
    Parameter(
        "limit",
        "reports in a page; JSON only",
        {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
    ),
    Parameter("cursor", "the `next` of the page before; JSON only"),
)
_BUCKET = (
    Parameter(
        "bucket",
        "seconds that are taken together",
        {"type": "integer", "minimum": 1, "maximum": MAX_BUCKET_S},
    ),
)
_FILES = (Content(CSV_MEDIA_TYPE), Content(PARQUET_MEDIA_TYPE))

REPORT_ROUTES = (
    Route(
        "GET",
        _CONSUMPTION,
        reports.list_consumption_reports,
        REPORTS,
        operation_id="listConsumptionReports",
        summary="The consumption reports of UEs, in pages or as a file",
        query=(*_PERIOD, *_OF_CLIENT, *_PAGING),
        answers=(Answer.shown(Content.json(ConsumptionReportList), *_FILES),),
        refusals=(HTTPStatus.NOT_ACCEPTABLE,),
    ),
    Route(
        "GET",
        f"{_CONSUMPTION}/aggregate",
        report_statistics.aggregate_consumption,
        REPORTS,
        operation_id="aggregateConsumption",
        summary="Which media were consumed for how long, by how many clients",
        query=(*_PERIOD, *_OF_CLIENT, _PAGING[0]),
        answers=(Answer.shown(Content.json(ConsumptionAggregate)),),
    ),
    Route(
        "GET",
        _METRICS,
        reports.list_metrics_reports,
        REPORTS,
        operation_id="listMetricsReports",
        summary="The metrics reports of UEs, in pages or as a file",
        query=(
            *_PERIOD,
            *_OF_CLIENT,
            Parameter("metric", "with this metric only; of a file, its values alone"),
            *_FOR_CONFIGURATION,
            *_PAGING,
        ),
        answers=(Answer.shown(Content.json(MetricsReportList), *_FILES),),
        refusals=(HTTPStatus.NOT_ACCEPTABLE,),
    ),
    Route(
        "GET",
        f"{_METRICS}/aggregate",
        report_statistics.aggregate_metrics,
        REPORTS,
        operation_id="aggregateMetrics",
        summary="A metric over time",
        query=(
            Parameter("metric", "the metric", required=True),
            *_BUCKET,
            *_PERIOD,
            *_OF_CLIENT,
            *_FOR_CONFIGURATION,
        ),
        answers=(Answer.shown(Content.json(MetricsAggregate)),),
    ),
    Route(
        "GET",
        f"{_ONE}/analytics",
        report_statistics.retrieve_analytics,
        REPORTS,
        operation_id="retrieveAnalytics",
        summary="Statistics and a prediction of every metric",
        query=(Parameter("metric", "this metric only"), *_BUCKET, *_PERIOD),
        answers=(Answer.shown(Content.json(Analytics)),),
    ),
    Route(
        "GET",
        _EVENT_DATA,
        event_exposure.retrieve_event_data,
        EVENT_EXPOSURE,
        operation_id="retrieveEventData",
        summary="Event data, reduced as a data access profile says",
        query=_PERIOD,
        answers=(Answer.shown(Content.json(EventData)),),
    ),
)
