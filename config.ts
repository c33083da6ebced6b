/**
 * The only reader of the environment. Temporal by its standard variables and profiles (TEMPORAL_*), AWS by the SDK's
 * standard chain (AWS_*), traces by OpenTelemetry's (OTEL_*), ours by LABEL_RELAY_*. Read once, by the processes' entries; everything below is given values.
 */
import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import { devNull, tmpdir } from 'node:os';
import { loadClientConnectConfig, type ClientConnectConfig } from '@temporalio/envconfig';
import { DURATION_HELP, parseDurationMs, SECOND_MS } from './decisions/durations.ts';
import { DEFAULT_TASK_QUEUE } from './decisions/names.ts';
import { InputError, messageOf } from './errors.ts';
import { PAYLOAD_KEY_BYTES, type PayloadKey } from './payload-encryption.ts';

export type Environment = Record<string, string | undefined>;

export type Config = {
  /** Address, TLS, API key and namespace of Temporal. */
  temporal: ClientConnectConfig & { namespace: string };
  taskQueue: string;
  /** The SDK's own AWS_REGION or AWS_DEFAULT_REGION; null if neither is set. */
  region: string | null;
  /** The queue of state-change events; null where this process needs none. */
  queueUrl: string | null;
  /** Where worker events come from; never from both places at once, which would count them twice. */
  workerEvents: (typeof WORKER_EVENT_SOURCES)[number];
  /** The queue of worker events; null if there is none. */
  workerEventsQueueUrl: string | null;
  /** How long worker events are counted before the chain hears of them. Milliseconds. */
  workerEventsWindowMs: number;
  /** How long one poll of a queue waits for messages. Seconds, 1 to 20. */
  pollS: number;
  /** Regions and accounts whose events are believed and where jobs may run; empty: not restricted (jobs) or AWS_REGION (events). */
  regions: string[];
  accounts: string[];
  /** Where the Temporal Web UI is, for links; null if not known. */
  webUrl: string | null;
  /** The control address of the local stack's simulator; null outside it. */
  localSimulator: string | null;
  temporaryDirectory: string;
  /** The most Describes a second in one account and region, all workers together. */
  describesPerSecond: number;
  /** The most workflows that one worker keeps in memory between their tasks. */
  cachedWorkflows: number;
  /** The version under which `worker` polls, for Temporal's worker versioning; null: unversioned. */
  deploymentVersion: { deploymentName: string; buildId: string } | null;
  /** Where `worker` serves its health endpoints, 0 for any free port; null: nowhere. */
  healthPort: number | null;
  /** Where `worker` serves metrics for Prometheus, as host:port; null: nowhere. */
  metricsAddress: string | null;
  /** OpenTelemetry's own variables name a collector, and do not switch traces off. */
  traces: boolean;
  /** Keys that encrypt what Temporal stores: the first encrypts, all decrypt; empty: it is stored as it is. */
  payloadKeys: PayloadKey[];
  /** The secret that signs webhooks, by the name that a policy gives: LABEL_RELAY_WEBHOOK_SECRET_<NAME>. */
  webhookSecret: (name: string) => string | null;
};

/** `eventbridge`: a rule and a queue of their own. `log`: the log that Ground Truth keeps of worker activity. */
export const WORKER_EVENT_SOURCES = ['eventbridge', 'log', 'off'] as const;

/**
 * AWS publishes no rate for DescribeLabelingJob. 10,000 jobs at our reconcile times need 0.5 a second; at 10, after an
 * outage, all of them are looked at within 17 minutes.
 */
const DESCRIBES_PER_SECOND = 10;

/**
 * Half a megabyte each. The SDK's own number follows the memory of the machine, and a worker fills it, whatever it was given. A chain has
 * something to do a few times a day, so most wait; one that was dropped is rebuilt from its history, in a few hundredths of a second.
 */
export const CACHED_WORKFLOWS = 500;

/** SQS, WaitTimeSeconds: at most 20. */
const LONGEST_POLL_S = 20;

/** Our variables, with what they mean: the docs are made from this. */
export const VARIABLES = {
  LABEL_RELAY_TASK_QUEUE: `Task queue of our workflows and activities. Default ${DEFAULT_TASK_QUEUE}.`,
  LABEL_RELAY_DESCRIBES_PER_SECOND: `The most DescribeLabelingJob calls a second in one account and region, all workers of the task queue together; the same for all of them. Default ${DESCRIBES_PER_SECOND}.`,
  LABEL_RELAY_CACHED_WORKFLOWS: `The most workflows that a worker keeps in memory between their tasks, about half a megabyte each; another is rebuilt from its history when it has a task. Default ${CACHED_WORKFLOWS}.`,
  LABEL_RELAY_QUEUE_URL: 'URL of the SQS queue of state-change events. Needed by `worker --only events`.',
  LABEL_RELAY_WORKER_EVENTS:
    'Where worker events come from: eventbridge (needs LABEL_RELAY_WORKER_EVENTS_QUEUE_URL), log (read by one workflow, whatever the number of processes; the same word for all of them), or off. Default: eventbridge if that queue is set, else off.',
  LABEL_RELAY_WORKER_EVENTS_QUEUE_URL: 'URL of the SQS queue of worker events.',
  LABEL_RELAY_WORKER_EVENTS_WINDOW:
    'How long worker events are counted before a chain hears of them. Default 1h, while declines outnumber submits 5m.',
  LABEL_RELAY_POLL_SECONDS:
    'How long one poll of a queue waits for messages, 1 to 20; a stop waits for the poll that is under way. Default 10.',
  LABEL_RELAY_REGIONS:
    'Comma-separated regions whose events are believed and where jobs may run. Default AWS_REGION for events, any for jobs.',
  LABEL_RELAY_ACCOUNTS:
    'Comma-separated account ids whose events are believed and where jobs may run. Default: the account of the queue for events, any for jobs.',
  LABEL_RELAY_WEB_URL: 'Address of the Temporal Web UI, for links.',
  LABEL_RELAY_LOCAL_SIMULATOR:
    'Control address of the simulator of `label-relay local`. Set by it; needed by `local advance`.',
  LABEL_RELAY_TMPDIR: 'Folder for temporary files of manifest merges. Default: the system one.',
  LABEL_RELAY_PAYLOAD_KEYS: `Keys that encrypt what Temporal stores (AES-256-GCM), the same for every process: comma-separated name:key, each key ${PAYLOAD_KEY_BYTES} bytes in base64, as of \`openssl rand -base64 ${PAYLOAD_KEY_BYTES}\`. The first encrypts, all decrypt. Not set: stored as it is.`,
  LABEL_RELAY_HEALTH_PORT:
    'Port on which `worker` serves /livez and /readyz, on every address of the machine; 0: any free port, told in the line that it prints when ready. Not set: off.',
  LABEL_RELAY_METRICS_ADDRESS:
    'IP address and port at which `worker` serves /metrics for Prometheus, such as 0.0.0.0:9464. Not set: off.',
} as const;

const list = (text: string | undefined): string[] =>
  (text ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

const orNull = (text: string | undefined): string | null =>
  text === undefined || text.trim() === '' ? null : text.trim();

const describesPerSecond = (text: string | undefined, problems: string[]): number => {
  const given = orNull(text);
  if (given === null) return DESCRIBES_PER_SECOND;
  const rate = /^\d{1,4}(\.\d{1,3})?$/.test(given) ? Number(given) : 0;
  if (rate <= 0)
    problems.push(
      `LABEL_RELAY_DESCRIBES_PER_SECOND is ${JSON.stringify(given)}, expected a number above 0 such as 10 or 0.5`,
    );
  return rate;
};

const cachedWorkflows = (text: string | undefined, problems: string[]): number => {
  const given = orNull(text);
  if (given === null) return CACHED_WORKFLOWS;
  const most = /^\d{1,6}$/.test(given) ? Number(given) : 0;
  if (most < 10)
    problems.push(`LABEL_RELAY_CACHED_WORKFLOWS is ${JSON.stringify(given)}, expected a whole number from 10 on`);
  return most;
};

/** Told by its place: a key, or what was meant as one, is never printed. */
const payloadKeys = (text: string | undefined, problems: string[]): PayloadKey[] => {
  const keys = readPayloadKeys(text, problems);
  // What is encrypted bears the name only: of two keys of one name, one decrypts nothing.
  const repeated = new Set(keys.map(({ id }) => id).filter((id, index, ids) => ids.indexOf(id) !== index));
  for (const id of repeated)
    problems.push(`LABEL_RELAY_PAYLOAD_KEYS has two keys of the name ${id}; give each key a name of its own`);
  return keys;
};

const readPayloadKeys = (text: string | undefined, problems: string[]): PayloadKey[] =>
  list(text).flatMap((entry, index) => {
    const [, id = '', encoded = ''] = /^([\w.-]{1,64}):([A-Za-z0-9+/]+={0,2})$/.exec(entry) ?? [];
    const key = Buffer.from(encoded, 'base64');
    if (id !== '' && key.length === PAYLOAD_KEY_BYTES) return [{ id, key }];
    problems.push(
      `entry ${index + 1} of LABEL_RELAY_PAYLOAD_KEYS is not name:key with a key of ${PAYLOAD_KEY_BYTES} bytes in base64`,
    );
    return [];
  });

/** The names under which Temporal's controller for Kubernetes gives a worker its version. */
const deploymentVersion = (env: Environment, problems: string[]): Config['deploymentVersion'] => {
  const deploymentName = orNull(env['TEMPORAL_DEPLOYMENT_NAME']);
  const buildId = orNull(env['TEMPORAL_WORKER_BUILD_ID']);
  if (deploymentName !== null && buildId !== null) return { deploymentName, buildId };
  if (deploymentName !== null || buildId !== null)
    problems.push('of TEMPORAL_DEPLOYMENT_NAME and TEMPORAL_WORKER_BUILD_ID one is set; set both, or neither');
  return null;
};

const healthPort = (text: string | undefined, problems: string[]): number | null => {
  const port = orNull(text);
  if (port === null || (/^\d{1,5}$/.test(port) && Number(port) <= 65_535)) return port === null ? null : Number(port);
  problems.push(`LABEL_RELAY_HEALTH_PORT is ${JSON.stringify(port)}, expected a port number, or 0 for any free port`);
  return null;
};

/** The exporter takes an address in numbers only, never a host name. */
const metricsAddress = (text: string | undefined, problems: string[]): string | null => {
  const address = orNull(text);
  if (address === null) return null;
  const [, host = '', port = ''] = /^(.+):(\d{1,5})$/.exec(address) ?? [];
  if (isIP(host.replace(/^\[(.*)\]$/, '$1')) !== 0 && Number(port) <= 65_535) return address;
  problems.push(
    `LABEL_RELAY_METRICS_ADDRESS is ${JSON.stringify(address)}, expected an IP address and a port such as 0.0.0.0:9464`,
  );
  return null;
};

/** OpenTelemetry, "General SDK configuration" and "OTLP exporter configuration": the names are theirs. */
const traces = (env: Environment): boolean =>
  (orNull(env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']) ?? orNull(env['OTEL_EXPORTER_OTLP_ENDPOINT'])) !== null &&
  orNull(env['OTEL_SDK_DISABLED'])?.toLowerCase() !== 'true' &&
  orNull(env['OTEL_TRACES_EXPORTER']) !== 'none';

const accountOfQueue = (queueUrl: string | null): string[] => /\/(\d{12})\/[^/]+$/.exec(queueUrl ?? '')?.slice(1) ?? [];

/** The region that a queue's URL names (those of FIPS and VPC endpoints among them); null if it names none, as an emulator's. */
const regionOfQueue = (queueUrl: string): string | null => {
  const host = URL.parse(queueUrl)?.hostname ?? '';
  return (
    /(?:^|\.)sqs(?:-fips)?\.([a-z0-9-]+)\.(?:vpce\.)?(?:amazonaws\.com(?:\.cn)?|api\.aws)$/.exec(host)?.[1] ?? null
  );
};

/** Why no request would reach the queue from this region: requests are signed for it. Null if nothing speaks against it. */
export const queueElsewhere = (variable: keyof typeof VARIABLES, queueUrl: string, region: string): string | null => {
  const queueRegion = regionOfQueue(queueUrl);
  return queueRegion === null || queueRegion === region
    ? null
    : `the queue of ${variable} is in ${queueRegion}, and AWS_REGION is ${region}`;
};

/** The accounts and regions that are ours, as far as the configuration says: by name, or those of the queue of events. */
export const placesOf = ({
  accounts: named,
  queueUrl,
  regions: namedRegions,
  region,
}: Pick<Config, 'accounts' | 'queueUrl' | 'regions' | 'region'>): {
  accounts: string[];
  regions: string[];
  places: { account: string; region: string }[];
} => {
  const accounts = named.length > 0 ? named : accountOfQueue(queueUrl);
  const regions = namedRegions.length > 0 ? namedRegions : region === null ? [] : [region];
  return { accounts, regions, places: accounts.flatMap((account) => regions.map((one) => ({ account, region: one }))) };
};

/** Reads and checks everything; all problems at once, as an InputError. */
export const loadConfig = (env: Environment): Config => {
  const problems: string[] = [];
  let temporal: ClientConnectConfig = { connectionOptions: {} };
  try {
    const known = Object.entries(env).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== '',
    );
    // The library trips over an empty file; /dev/null as the file means that there is none.
    const disableFile = env['TEMPORAL_CONFIG_FILE'] === devNull;
    temporal = loadClientConnectConfig({ overrideEnvVars: Object.fromEntries(known), disableFile });
  } catch (thrown) {
    problems.push(`the Temporal configuration (TEMPORAL_* variables or profile) cannot be read: ${messageOf(thrown)}`);
  }
  // The library takes any other word for "no", and a file that is not there for none.
  const tls = orNull(env['TEMPORAL_TLS']);
  if (tls !== null && !['true', 'false', '1', '0'].includes(tls))
    problems.push(`TEMPORAL_TLS is ${JSON.stringify(tls)}, expected true or false`);
  const file = orNull(env['TEMPORAL_CONFIG_FILE']);
  if (file !== null && file !== devNull && !existsSync(file))
    problems.push(`TEMPORAL_CONFIG_FILE is ${JSON.stringify(file)}, and there is no such file`);
  const url = (name: keyof typeof VARIABLES): string | null => {
    const text = orNull(env[name]);
    if (text === null || /^https?:\/\/[^\s]+$/.test(text)) return text;
    problems.push(`${name} is ${JSON.stringify(text)}, expected an http:// or https:// address`);
    return null;
  };
  const accounts = list(env['LABEL_RELAY_ACCOUNTS']);
  for (const account of accounts) {
    if (!/^\d{12}$/.test(account))
      problems.push(`LABEL_RELAY_ACCOUNTS holds ${JSON.stringify(account)}, expected 12 digits`);
  }
  const regions = list(env['LABEL_RELAY_REGIONS']);
  for (const region of regions) {
    if (!/^[a-z]{2,}(-[a-z]+)+-\d+$/.test(region))
      problems.push(`LABEL_RELAY_REGIONS holds ${JSON.stringify(region)}, expected names such as us-east-1`);
  }
  const workerEventsQueueUrl = url('LABEL_RELAY_WORKER_EVENTS_QUEUE_URL');
  const givenSource = orNull(env['LABEL_RELAY_WORKER_EVENTS']);
  const workerEvents = WORKER_EVENT_SOURCES.find(
    (source) => source === (givenSource ?? (workerEventsQueueUrl === null ? 'off' : 'eventbridge')),
  );
  if (workerEvents === undefined)
    problems.push(
      `LABEL_RELAY_WORKER_EVENTS is ${JSON.stringify(givenSource)}, expected ${WORKER_EVENT_SOURCES.join(', ')}`,
    );
  const givenWindow = orNull(env['LABEL_RELAY_WORKER_EVENTS_WINDOW']) ?? '1h';
  const workerEventsWindowMs = parseDurationMs(givenWindow) ?? 0;
  // Each window is a signal to each job that had an event; a workflow's run takes 10,000.
  if (workerEventsWindowMs < SECOND_MS)
    problems.push(
      `LABEL_RELAY_WORKER_EVENTS_WINDOW is ${JSON.stringify(givenWindow)}, expected ${DURATION_HELP}, of a second or more`,
    );
  const givenPoll = orNull(env['LABEL_RELAY_POLL_SECONDS']) ?? '10';
  const pollS = /^\d{1,2}$/.test(givenPoll) ? Number(givenPoll) : 0;
  if (pollS < 1 || pollS > LONGEST_POLL_S)
    problems.push(`LABEL_RELAY_POLL_SECONDS is ${JSON.stringify(givenPoll)}, expected 1 to ${LONGEST_POLL_S}`);
  const config: Config = {
    temporal: { ...temporal, namespace: temporal.namespace ?? 'default' },
    taskQueue: orNull(env['LABEL_RELAY_TASK_QUEUE']) ?? DEFAULT_TASK_QUEUE,
    region: orNull(env['AWS_REGION']) ?? orNull(env['AWS_DEFAULT_REGION']),
    queueUrl: url('LABEL_RELAY_QUEUE_URL'),
    workerEvents: workerEvents ?? 'off',
    workerEventsQueueUrl,
    workerEventsWindowMs,
    pollS,
    regions,
    accounts,
    webUrl: url('LABEL_RELAY_WEB_URL')?.replace(/\/+$/, '') ?? null,
    localSimulator: url('LABEL_RELAY_LOCAL_SIMULATOR'),
    temporaryDirectory: orNull(env['LABEL_RELAY_TMPDIR']) ?? tmpdir(),
    describesPerSecond: describesPerSecond(env['LABEL_RELAY_DESCRIBES_PER_SECOND'], problems),
    cachedWorkflows: cachedWorkflows(env['LABEL_RELAY_CACHED_WORKFLOWS'], problems),
    deploymentVersion: deploymentVersion(env, problems),
    healthPort: healthPort(env['LABEL_RELAY_HEALTH_PORT'], problems),
    metricsAddress: metricsAddress(env['LABEL_RELAY_METRICS_ADDRESS'], problems),
    traces: traces(env),
    payloadKeys: payloadKeys(env['LABEL_RELAY_PAYLOAD_KEYS'], problems),
    webhookSecret: (name) =>
      orNull(env[`LABEL_RELAY_WEBHOOK_SECRET_${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`]),
  };
  if (problems.length > 0) throw new InputError(problems);
  return config;
};
