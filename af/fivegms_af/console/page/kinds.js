/**
 * The resources below a Provisioning Session, each with valid bodies to start from.
 *
 * @typedef {object} Kind
 * @property {string} segment its part of the path at M1
 * @property {string} title
 * @property {string} one what one of them is called in a sentence
 * @property {string} [ids] the member of the session that lists them; without one there is a single
 * @property {(summary: any) => boolean} [exists] whether the single one is there
 * @property {string} [type] the media type of its bodies
 * @property {{name: string, body: any}[]} examples
 * @property {(body: any) => string} describe one line about a resource
 */

const AI_METRICS = "urn:fivegms:ai:metrics:2026";
const DASH_IF_INGEST = "urn:3gpp:5gms:content-protocol:dash-if-ingest";
const MODEL_PROFILE = "urn:fivegms:ai:profile:model:2026";
const MPD = "application/dash+xml";

export const MODEL_PREPARATION = "application/vnd.fivegms.model-preparation+json";

/** @param {any} session the Provisioning Session, for what refers to its resources */
export function kindsOf(session) {
  const template = session.contentPreparationTemplateIds?.[0];
  return session.provisioningSessionType === "UPLINK"
    ? KINDS.filter((kind) => kind.segment !== "content-hosting-configuration")
    : KINDS.map((kind) =>
        kind.segment === "content-hosting-configuration" && template
          ? { ...kind, examples: [modelHosting(template), ...kind.examples] }
          : kind,
      );
}

/** @type {Kind[]} */
const KINDS = [
  {
    segment: "content-hosting-configuration",
    title: "Content hosting",
    one: "content hosting configuration",
    exists: (summary) => summary.contentHostingConfiguration !== undefined,
    examples: [
      {
        name: "Files that are pushed",
        body: {
          name: "content",
          ingestConfiguration: { pull: false, protocol: DASH_IF_INGEST },
          distributionConfigurations: [
            { entryPoint: { relativePath: "content.mpd", contentType: MPD } },
          ],
        },
      },
      {
        name: "Files pulled from an origin",
        body: {
          name: "content",
          ingestConfiguration: {
            pull: true,
            protocol: "urn:3gpp:5gms:content-protocol:http-pull-ingest",
            baseURL: "https://origin.example/",
          },
          distributionConfigurations: [
            { entryPoint: { relativePath: "content.mpd", contentType: MPD } },
          ],
        },
      },
    ],
    describe: (body) =>
      `${body.name}: ${body.distributionConfigurations.length} distribution(s), ` +
      (body.ingestConfiguration.pull ? "pulled" : "pushed"),
  },
  {
    segment: "content-preparation-templates",
    title: "Content preparation",
    one: "content preparation template",
    ids: "contentPreparationTemplateIds",
    type: MODEL_PREPARATION,
    examples: [
      {
        name: "A model in three precisions",
        body: {
          model: { name: "detector", version: 1, task: "object-detection" },
          source: "model.onnx",
          manifest: "model.mpd",
          variants: [
            { precision: "fp32", codec: "planes+zstd" },
            { precision: "fp16", codec: "planes+zstd" },
            { precision: "int8", codec: "int8+zstd" },
          ],
        },
      },
      {
        name: "A model as it is",
        body: { model: { name: "model", version: 1, task: "tensors" }, source: "model.onnx" },
      },
    ],
    describe: (body) =>
      body?.model ? `${body.model.name} ${body.model.version ?? 1} from ${body.source}` : "",
  },
  {
    segment: "metrics-reporting-configurations",
    title: "Metrics reporting",
    one: "metrics reporting configuration",
    ids: "metricsReportingConfigurationIds",
    examples: [
      {
        name: "Metrics of models",
        body: { scheme: AI_METRICS, reportingInterval: 30, samplingPeriod: 5, samplePercentage: 100 },
      },
      {
        name: "DASH quality of experience",
        body: { reportingInterval: 60, samplingPeriod: 5, metrics: ["AvgThroughput", "BufferLevel"] },
      },
    ],
    describe: (body) =>
      `${body.scheme === AI_METRICS ? "metrics of models" : "DASH quality"}, ` +
      every(body.reportingInterval),
  },
  {
    segment: "consumption-reporting-configuration",
    title: "Consumption reporting",
    one: "consumption reporting configuration",
    exists: (summary) => summary.consumptionReportingConfiguration,
    examples: [
      { name: "Every minute", body: { reportingInterval: 60, samplePercentage: 100 } },
      { name: "At the end of a session", body: { samplePercentage: 100 } },
    ],
    describe: (body) =>
      `${body.samplePercentage ?? 100} % of clients, ${every(body.reportingInterval)}`,
  },
  {
    segment: "policy-templates",
    title: "Policy templates",
    one: "policy template",
    ids: "policyTemplateIds",
    examples: [
      {
        name: "A bit rate",
        body: {
          externalReference: "premium",
          qoSSpecification: { maxBtrDl: "20 Mbps", maxBtrUl: "5 Mbps" },
        },
      },
      {
        name: "A data network and a slice",
        body: {
          externalReference: "sliced",
          qoSSpecification: { maxAuthBtrDl: "50 Mbps" },
          applicationSessionContext: { dnn: "internet", sliceInfo: { sst: 1 } },
        },
      },
    ],
    describe: (body) => body.externalReference,
  },
  {
    segment: "edge-resources-configurations",
    title: "Edge resources",
    one: "edge resources configuration",
    ids: "edgeResourcesConfigurationIds",
    examples: [
      {
        name: "Found by clients",
        body: { edgeManagementMode: "EM_APP_DRIVEN", easRequirements: { easType: "inference" } },
      },
      {
        name: "An inference slot at the AS",
        body: {
          edgeManagementMode: "EM_AF_DRIVEN",
          easRequirements: { easType: "urn:fivegms:ai:eas:network-inference" },
        },
      },
    ],
    describe: (body) => `${body.edgeManagementMode}, ${body.easRequirements.easType ?? "any type"}`,
  },
  {
    segment: "event-data-processing-configurations",
    title: "Event data",
    one: "event data processing configuration",
    ids: "eventDataProcessingConfigurationIds",
    examples: [
      {
        name: "Mean throughput by the minute",
        body: {
          eventId: "MS_QOE_METRICS",
          dataAccessProfiles: [
            {
              dataAccessProfileId: "mean",
              targetEventConsumerTypes: ["EVENT_CONSUMER_AF"],
              parameters: ["throughput"],
              timeAccessRestrictions: { duration: 60, aggregationFunctions: ["MEAN"] },
            },
          ],
        },
      },
    ],
    describe: (body) => `${body.eventId}, ${body.dataAccessProfiles.length} profile(s)`,
  },
];

function modelHosting(template) {
  return {
    name: "A model that is prepared",
    body: {
      name: "model",
      ingestConfiguration: { pull: false, protocol: DASH_IF_INGEST },
      distributionConfigurations: [
        {
          contentPreparationTemplateId: template,
          entryPoint: { relativePath: "model.mpd", contentType: MPD, profiles: [MODEL_PROFILE] },
        },
      ],
    },
  };
}

function every(seconds) {
  return seconds ? `every ${seconds} s` : "once at the end";
}
